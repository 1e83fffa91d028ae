// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator and its handles.
#pragma once

#include <quoll/kernel/mem/frame.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_allocator.hpp>
