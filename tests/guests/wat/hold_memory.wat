;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; Takes memory page by page and touches it, until it is refused; then holds on to it for ever.
(module
  (memory 1)
  (func (export "_start")
    (local $old i32)
    (block $refused
      (loop $more
        (br_if $refused
          (i32.eq (local.tee $old (memory.grow (i32.const 1))) (i32.const -1)))
        (memory.fill (i32.mul (local.get $old) (i32.const 65536)) (i32.const 1) (i32.const 65536))
        (br $more)))
    (loop $for_ever (br $for_ever))))
