// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Clang's capability annotations: which lock guards which data, checked when compiling.
#pragma once

#if defined(__clang__)
#define QUOLL_ANNOTATION_(x) __attribute__((x))
#else
#define QUOLL_ANNOTATION_(x)
#endif

/// Marks a type as a lock.
#define QUOLL_CAPABILITY(name) QUOLL_ANNOTATION_(capability(name))
/// Marks a type that holds a lock for as long as it lives.
#define QUOLL_SCOPED_CAPABILITY QUOLL_ANNOTATION_(scoped_lockable)
/// The member may be touched only under the lock.
#define QUOLL_GUARDED_BY(lock) QUOLL_ANNOTATION_(guarded_by(lock))
/// What the pointer leads to may be touched only under the lock.
#define QUOLL_PT_GUARDED_BY(lock) QUOLL_ANNOTATION_(pt_guarded_by(lock))
/// The function may be called only under the locks.
#define QUOLL_REQUIRES(...) QUOLL_ANNOTATION_(requires_capability(__VA_ARGS__))
/// The function must not be called under the locks.
#define QUOLL_EXCLUDES(...) QUOLL_ANNOTATION_(locks_excluded(__VA_ARGS__))
#define QUOLL_ACQUIRE(...) QUOLL_ANNOTATION_(acquire_capability(__VA_ARGS__))
#define QUOLL_RELEASE(...) QUOLL_ANNOTATION_(release_capability(__VA_ARGS__))
#define QUOLL_TRY_ACQUIRE(...) QUOLL_ANNOTATION_(try_acquire_capability(__VA_ARGS__))
/// For a function whose locking the analysis cannot follow; the comment beside it says why.
#define QUOLL_NO_THREAD_SAFETY_ANALYSIS QUOLL_ANNOTATION_(no_thread_safety_analysis)
