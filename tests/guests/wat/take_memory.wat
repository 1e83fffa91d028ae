;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; Waits two seconds, so that others of its kind have been started and promised memory as well. Then
;; takes all that it is promised, and touches it: word by word, or, with an argument, with one
;; instruction. What it gets it holds on to for ever.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $wait
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 2000000000))
    (drop (call $poll_oneoff (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))))
  (func $touch (param $at i32)
    (i32.store (local.get $at) (i32.const 1)))
  (func $touch_all (local $at i32)
    (loop $more
      (call $touch (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $more
        (i32.lt_u (i32.shr_u (local.get $at) (i32.const 16)) (memory.size)))))
  (func $fill
    (memory.fill (i32.const 0) (i32.const 1) (i32.shl (memory.size) (i32.const 16))))
  (func (export "_start") (local $arguments i32)
    (call $wait)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (local.set $arguments (i32.load (i32.const 0)))
    (loop $more
      (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (if (i32.eq (local.get $arguments) (i32.const 1))
      (then (call $touch_all)) (else (call $fill)))
    (loop $for_ever (br $for_ever))))
