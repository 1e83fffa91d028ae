;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; A trap of each kind, chosen by the number of arguments: each in a function of its own, which
;; $middle calls, which $outer calls.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "somewhere" "nobody_knows_this" (func $mystery (param i32) (result i32)))
  (type $none (func))
  (type $other (func (param i64)))
  (memory (export "memory") 1)
  (data $passive "abcd")
  (table $references 20 20 funcref)
  (table $few 4 funcref)
  (elem (table $references) (i32.const 1) func
    $unreachable $divide_by_zero $integer_overflow $invalid_conversion $conversion_overflow
    $load_out_of_bounds $store_out_of_bounds $fill_out_of_bounds $copy_out_of_bounds
    $init_out_of_bounds $table_get_out_of_bounds $table_init_out_of_bounds $undefined_element
    $uninitialized_element $type_mismatch $stack_exhausted $unknown_import)
  (elem (table $few) (i32.const 1) func $takes_a_number)
  (elem $one_function funcref (ref.func $unreachable))

  (func $takes_a_number (type $other))
  (func $unreachable (nop) (unreachable))
  (func $divide_by_zero (local $zero i32)
    (drop (i32.add (i32.const 3) (i32.div_s (i32.const 7) (local.get $zero)))))
  (func $integer_overflow (local $least i32)
    (local.set $least (i32.const 0x80000000))
    (if (i32.lt_s (i32.div_s (local.get $least) (i32.const -1)) (i32.const 2)) (then (nop))))
  (func $invalid_conversion
    (drop (i32.trunc_f32_s (f32.div (f32.const 0) (f32.const 0)))))
  (func $conversion_overflow
    (drop (i64.trunc_f64_u (f64.mul (f64.const 1e300) (f64.const -1)))))
  (func $load_out_of_bounds (local $at i32)
    (local.set $at (i32.const 65533))
    (local.set $at (i32.load (local.get $at))))
  (func $store_out_of_bounds
    (i64.store offset=65000 (i32.const 530) (i64.const 1)))
  (func $fill_out_of_bounds
    (memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000)))
  (func $copy_out_of_bounds
    (memory.copy (i32.const 0) (i32.const 65000) (i32.const 1000)))
  (func $init_out_of_bounds
    (memory.init $passive (i32.const 0) (i32.const 3) (i32.const 2)))
  (func $table_get_out_of_bounds
    (drop (table.get $few (i32.const 4))))
  (func $table_init_out_of_bounds
    (table.init $few $one_function (i32.const 4) (i32.const 0) (i32.const 1)))
  (func $undefined_element
    (call_indirect $few (type $none) (i32.const 9)))
  (func $uninitialized_element
    (call_indirect $few (type $none) (i32.const 0)))
  (func $type_mismatch
    (call_indirect $few (type $none) (i32.const 1)))
  (func $stack_exhausted (call $stack_exhausted))
  (func $unknown_import (drop (call $mystery (i32.const 1))))

  (func $middle (param $kind i32)
    (call_indirect $references (type $none) (local.get $kind)))
  (func $outer (param $kind i32)
    (if (local.get $kind) (then (call $middle (local.get $kind)))))
  (func (export "_start")
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (call $outer (i32.sub (i32.load (i32.const 0)) (i32.const 1)))))
