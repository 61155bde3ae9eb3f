;; Base85 of RFC 1924, 16 groups (64 bytes, 80 characters) at least: the text is in memory from 0, the bytes from 32,768.
;; Both ways go over the memory twice: once for the digits of the groups, four groups at a time, and once for the
;; characters of the digits, 16 at a time. `i8x16.swizzle` looks up 16 bytes at once in a table of 16 and gives 0 where an
;; index is larger, so that tables of 16 are joined by "or".
(module
  (memory (export "memory") 1)

  ;; Writes $end characters, a multiple of 80.
  (func (export "encode") (param $end i32)
    (local $from i32)
    (local $to i32)
    (local $value v128)
    (local $high v128)
    (local $low v128)
    (local $first v128)
    (local $last v128)
    (local.set $from (i32.const 0x8000))
    (loop $next
      ;; Four groups: 32-bit numbers whose bytes stand in the order of the wire.
      (local.set $value
        (i8x16.swizzle
          (v128.load (local.get $from))
          (v128.const i8x16 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12)))
      ;; What the first two digits count, value / 85^3: exactly (value x 3,666,679,933) >> 51 for every 32-bit number.
      (local.set $high
        (i32x4.shr_u
          (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31
            (i64x2.extmul_low_i32x4_u (local.get $value)
              (v128.const i32x4 3666679933 3666679933 3666679933 3666679933))
            (i64x2.extmul_high_i32x4_u (local.get $value)
              (v128.const i32x4 3666679933 3666679933 3666679933 3666679933)))
          (i32.const 19)))
      (local.set $low
        (i32x4.sub
          (local.get $value)
          (i32x4.mul (local.get $high) (v128.const i32x4 614125 614125 614125 614125))))
      ;; What the digits three and four count, low / 85: (low - 42) / 85 rounded to the nearest whole number. It is never
      ;; nearer than 1/170 to a half, and a float is much nearer to it. Adding 1.5 x 2^23 rounds, and leaves the whole
      ;; number in the low half of the lane; the other half is cleared.
      (local.set $last
        (v128.and
          (f32x4.add
            (f32x4.mul
              (f32x4.convert_i32x4_s (i32x4.sub (local.get $low) (v128.const i32x4 42 42 42 42)))
              (v128.const f32x4 0.011764706 0.011764706 0.011764706 0.011764706))
            (v128.const f32x4 12582912 12582912 12582912 12582912))
          (v128.const i32x4 0xffff 0xffff 0xffff 0xffff)))
      ;; The fifth digit is what remains.
      (local.set $low
        (i32x4.sub (local.get $low) (i32x4.mul (local.get $last) (v128.const i32x4 85 85 85 85))))
      ;; Both pairs in the halves of a lane, and both divided by 85: (pair x 12,337) >> 20 for pairs below 7,225.
      (local.set $value (v128.or (local.get $high) (i32x4.shl (local.get $last) (i32.const 16))))
      (local.set $first
        (v128.or
          (i32x4.shr_u
            (i32x4.dot_i16x8_s (local.get $value) (v128.const i16x8 12337 0 12337 0 12337 0 12337 0))
            (i32.const 20))
          (v128.and
            (i32x4.shr_u
              (i32x4.dot_i16x8_s (local.get $value) (v128.const i16x8 0 12337 0 12337 0 12337 0 12337))
              (i32.const 4))
            (v128.const i32x4 0xffff0000 0xffff0000 0xffff0000 0xffff0000))))
      ;; The digits one to four of a group, in the bytes of a lane.
      (local.set $value
        (v128.or
          (local.get $first)
          (i16x8.shl
            (i16x8.sub
              (local.get $value)
              (i16x8.mul (local.get $first) (v128.const i16x8 85 85 85 85 85 85 85 85)))
            (i32.const 8))))
      (v128.store (local.get $to)
        (i8x16.shuffle 0 1 2 3 16 4 5 6 7 20 8 9 10 11 24 12 (local.get $value) (local.get $low)))
      (v128.store offset=4 (local.get $to)
        (i8x16.shuffle 16 4 5 6 7 20 8 9 10 11 24 12 13 14 15 28 (local.get $value) (local.get $low)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 20))) (local.get $end))))
    (local.set $to (i32.const 0))
    (loop $next
      (local.set $value (v128.load (local.get $to)))
      (v128.store (local.get $to)
        (v128.or
          (v128.or
            (v128.or
              ;; 0123456789ABCDEF
              (i8x16.swizzle
                (v128.const i8x16 0x30 0x31 0x32 0x33 0x34 0x35 0x36 0x37 0x38 0x39 0x41 0x42 0x43 0x44 0x45 0x46)
                (local.get $value))
              ;; GHIJKLMNOPQRSTUV
              (i8x16.swizzle
                (v128.const i8x16 0x47 0x48 0x49 0x4a 0x4b 0x4c 0x4d 0x4e 0x4f 0x50 0x51 0x52 0x53 0x54 0x55 0x56)
                (i8x16.sub (local.get $value) (v128.const i8x16 16 16 16 16 16 16 16 16 16 16 16 16 16 16 16 16))))
            (v128.or
              ;; WXYZabcdefghijkl
              (i8x16.swizzle
                (v128.const i8x16 0x57 0x58 0x59 0x5a 0x61 0x62 0x63 0x64 0x65 0x66 0x67 0x68 0x69 0x6a 0x6b 0x6c)
                (i8x16.sub (local.get $value) (v128.const i8x16 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32)))
              ;; mnopqrstuvwxyz!#
              (i8x16.swizzle
                (v128.const i8x16 0x6d 0x6e 0x6f 0x70 0x71 0x72 0x73 0x74 0x75 0x76 0x77 0x78 0x79 0x7a 0x21 0x23)
                (i8x16.sub (local.get $value) (v128.const i8x16 48 48 48 48 48 48 48 48 48 48 48 48 48 48 48 48)))))
          (v128.or
            ;; $%&()*+-;<=>?@^_
            (i8x16.swizzle
              (v128.const i8x16 0x24 0x25 0x26 0x28 0x29 0x2a 0x2b 0x2d 0x3b 0x3c 0x3d 0x3e 0x3f 0x40 0x5e 0x5f)
              (i8x16.sub (local.get $value) (v128.const i8x16 64 64 64 64 64 64 64 64 64 64 64 64 64 64 64 64)))
            ;; `{|}~
            (i8x16.swizzle
              (v128.const i8x16 0x60 0x7b 0x7c 0x7d 0x7e 0 0 0 0 0 0 0 0 0 0 0)
              (i8x16.sub (local.get $value) (v128.const i8x16 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80))))))
      (br_if $next (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 16))) (local.get $end)))))

  ;; Reads $end characters, a multiple of 80, and tells whether all groups were base85: 0, or something else at a fault.
  (func (export "decode") (param $end i32) (result i32)
    (local $from i32)
    (local $to i32)
    (local $value v128)
    (local $tail v128)
    (local $high v128)
    (local $strangers v128)
    (local $carries v128)
    (loop $next
      (local.set $value (v128.load (local.get $from)))
      ;; The tables hold the digit of a character and one more, so that a stranger's 0 becomes -1.
      (local.set $value
        (i8x16.sub
          (v128.or
            (v128.or
              (v128.or
                ;; From the blank on.
                (i8x16.swizzle
                  (v128.const i8x16 0 63 0 64 65 66 67 0 68 69 70 71 0 72 0 0)
                  (i8x16.sub (local.get $value) (v128.const i8x16 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32)))
                ;; From 0 on.
                (i8x16.swizzle
                  (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 0 73 74 75 76 77)
                  (i8x16.sub (local.get $value) (v128.const i8x16 48 48 48 48 48 48 48 48 48 48 48 48 48 48 48 48))))
              (v128.or
                ;; From @ on.
                (i8x16.swizzle
                  (v128.const i8x16 78 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25)
                  (i8x16.sub (local.get $value) (v128.const i8x16 64 64 64 64 64 64 64 64 64 64 64 64 64 64 64 64)))
                ;; From P on.
                (i8x16.swizzle
                  (v128.const i8x16 26 27 28 29 30 31 32 33 34 35 36 0 0 0 79 80)
                  (i8x16.sub (local.get $value) (v128.const i8x16 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80)))))
            (v128.or
              ;; From ` on.
              (i8x16.swizzle
                (v128.const i8x16 81 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51)
                (i8x16.sub (local.get $value) (v128.const i8x16 96 96 96 96 96 96 96 96 96 96 96 96 96 96 96 96)))
              ;; From p on.
              (i8x16.swizzle
                (v128.const i8x16 52 53 54 55 56 57 58 59 60 61 62 82 83 84 85 0)
                (i8x16.sub (local.get $value)
                  (v128.const i8x16 112 112 112 112 112 112 112 112 112 112 112 112 112 112 112 112)))))
          (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1)))
      (v128.store (local.get $from) (local.get $value))
      (local.set $strangers (v128.or (local.get $strangers) (local.get $value)))
      (br_if $next (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 16))) (local.get $end))))
    (local.set $from (i32.const 0))
    (local.set $to (i32.const 0x8000))
    (loop $next
      ;; Four groups: the pairs of the digits one to four as numbers in half lanes, (digit x 85 + digit) each.
      (local.set $tail (v128.load offset=4 (local.get $from)))
      (local.set $value
        (i16x8.narrow_i32x4_s
          (i32x4.dot_i16x8_s
            (i8x16.swizzle (v128.load (local.get $from)) (v128.const i8x16 0 -1 1 -1 2 -1 3 -1 5 -1 6 -1 7 -1 8 -1))
            (v128.const i16x8 85 1 85 1 85 1 85 1))
          (i32x4.dot_i16x8_s
            (i8x16.swizzle (local.get $tail) (v128.const i8x16 6 -1 7 -1 8 -1 9 -1 11 -1 12 -1 13 -1 14 -1))
            (v128.const i16x8 85 1 85 1 85 1 85 1))))
      ;; The group is first pair x 614,125 + second pair x 85 + fifth digit, and 614,125 is 9 x 65,536 + 24,301.
      (local.set $high (i32x4.dot_i16x8_s (local.get $value) (v128.const i16x8 9 0 9 0 9 0 9 0)))
      (local.set $value
        (i32x4.add
          (i32x4.dot_i16x8_s (local.get $value) (v128.const i16x8 24301 85 24301 85 24301 85 24301 85))
          (i8x16.swizzle (local.get $tail) (v128.const i8x16 0 -1 -1 -1 5 -1 -1 -1 10 -1 -1 -1 15 -1 -1 -1))))
      ;; Its upper 16 bits, below 2^17 whatever the digits are: a group above 2^32 - 1 sets bit 16.
      (local.set $carries
        (v128.or
          (local.get $carries)
          (i32x4.add (local.get $high) (i32x4.shr_u (local.get $value) (i32.const 16)))))
      (v128.store (local.get $to)
        (i8x16.swizzle
          (i32x4.add (i32x4.shl (local.get $high) (i32.const 16)) (local.get $value))
          (v128.const i8x16 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12)))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 20))) (local.get $end))))
    (i32.or
      (i8x16.bitmask (local.get $strangers))
      (v128.any_true
        (v128.and (local.get $carries) (v128.const i32x4 0x10000 0x10000 0x10000 0x10000))))))
