# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The workstation's side of a running Quoll machine."""
