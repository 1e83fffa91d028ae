;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; An import that nobody knows: linking it is fine, calling it is a trap that names it.
(module
  (import "somewhere" "nobody_knows_this" (func $mystery (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $mystery (i32.const 1)))))
