# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Exit statuses that tools/run gives beside those of the program itself."""

USAGE = 2
KERNEL_STOPPED = 125
NOT_FOUND = 127
INTERRUPTED = 130
BROKEN_PIPE = 141
