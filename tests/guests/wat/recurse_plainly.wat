;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; Recursion that uses no linear memory: only the engine's own call stack can end it.
(module
  (memory (export "memory") 1)
  (func $deeper (param i64) (result i64)
    (i64.add (call $deeper (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
  (func (export "_start") (drop (call $deeper (i64.const 0)))))
