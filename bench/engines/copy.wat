;; The limit: what the memory gives when there is no arithmetic to wait for.
(module
  (memory (export "memory") 1)

  ;; Forward reads x and writes y.
  (func (export "copy") (param $x i32) (param $y i32) (param $bytes i32)
    (memory.copy (local.get $y) (local.get $x) (local.get $bytes)))

  ;; Backward reads dy and x and writes dx: the same three streams, with one addition so that both reads are used.
  ;; `bytes` is a multiple of 64.
  (func (export "add") (param $dy i32) (param $x i32) (param $dx i32) (param $bytes i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $dx) (local.get $bytes)))
    (if (i32.lt_u (local.get $dx) (local.get $end))
      (then
        (loop $more
          (v128.store (local.get $dx)
            (f32x4.add (v128.load (local.get $dy)) (v128.load (local.get $x))))
          (v128.store offset=16 (local.get $dx)
            (f32x4.add (v128.load offset=16 (local.get $dy)) (v128.load offset=16 (local.get $x))))
          (v128.store offset=32 (local.get $dx)
            (f32x4.add (v128.load offset=32 (local.get $dy)) (v128.load offset=32 (local.get $x))))
          (v128.store offset=48 (local.get $dx)
            (f32x4.add (v128.load offset=48 (local.get $dy)) (v128.load offset=48 (local.get $x))))
          (local.set $dy (i32.add (local.get $dy) (i32.const 64)))
          (local.set $x (i32.add (local.get $x) (i32.const 64)))
          (local.set $dx (i32.add (local.get $dx) (i32.const 64)))
          (br_if $more (i32.lt_u (local.get $dx) (local.get $end))))))))
