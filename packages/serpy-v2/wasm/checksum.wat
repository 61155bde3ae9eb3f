;; The sum of the bytes in memory from 0 to $end, 64 at a time; $end must be a multiple of 64.
(module
  (memory (export "memory") 1)
  (func (export "sum") (param $end i32) (result i32)
    (local $at i32)
    (local $sums v128)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        ;; Pairs of bytes, then pairs of pairs: a lane holds at most 4 x 510, far below 2^16.
        (local.set $sums
          (i32x4.add
            (local.get $sums)
            (i32x4.extadd_pairwise_i16x8_u
              (i16x8.add
                (i16x8.add
                  (i16x8.extadd_pairwise_i8x16_u (v128.load (local.get $at)))
                  (i16x8.extadd_pairwise_i8x16_u (v128.load offset=16 (local.get $at))))
                (i16x8.add
                  (i16x8.extadd_pairwise_i8x16_u (v128.load offset=32 (local.get $at)))
                  (i16x8.extadd_pairwise_i8x16_u (v128.load offset=48 (local.get $at))))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next)))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sums)) (i32x4.extract_lane 1 (local.get $sums)))
      (i32.add (i32x4.extract_lane 2 (local.get $sums)) (i32x4.extract_lane 3 (local.get $sums))))))
