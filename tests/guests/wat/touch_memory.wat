;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; Takes all memory that it is promised, and touches it afterwards, word by word; then holds on to
;; it for ever.
(module
  (memory 1)
  (func $touch (param $at i32)
    (i32.store (local.get $at) (i32.const 1)))
  (func $touch_all (local $at i32)
    (loop $more
      (call $touch (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $more
        (i32.lt_u (i32.shr_u (local.get $at) (i32.const 16)) (memory.size)))))
  (func (export "_start")
    (loop $more
      (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (call $touch_all)
    (loop $for_ever (br $for_ever))))
