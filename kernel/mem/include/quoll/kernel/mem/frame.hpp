// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Owners of frames: one frame, shared or not; a run of frames; a list of single ones.
#pragma once

#include <quoll/kernel/mem/frame_alloc/frame.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_list.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_run.hpp>
