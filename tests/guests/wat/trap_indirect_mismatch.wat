;; SPDX-License-Identifier: Apache-2.0 OR MIT
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 0) $takes_one)
  (type $takes_none (func))
  (func $takes_one (param i32))
  (func (export "_start") (call_indirect (type $takes_none) (i32.const 0))))
