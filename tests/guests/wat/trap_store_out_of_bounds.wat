;; SPDX-License-Identifier: Apache-2.0 OR MIT
(module
  (memory (export "memory") 1)
  (func (export "_start") (i64.store offset=4294967295 (i32.const 65535) (i64.const 1))))
