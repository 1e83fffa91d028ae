;; SPDX-License-Identifier: Apache-2.0 OR MIT
;; The trap comes before `_start`: in what the module's start function calls.
(module
  (memory (export "memory") 1)
  (func $initialise (unreachable))
  (func $begin (call $initialise))
  (start $begin)
  (func (export "_start")))
