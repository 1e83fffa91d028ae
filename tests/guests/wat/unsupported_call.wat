;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; A preview 1 call that Quoll does not offer answers ENOSYS (52), which becomes the status.
(module
  (import "wasi_snapshot_preview1" "sock_shutdown"
    (func $sock_shutdown (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $proc_exit (call $sock_shutdown (i32.const 3) (i32.const 1)))))
