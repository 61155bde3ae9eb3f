;; The lower half of XXH3 (64 bits, with a seed) of the bytes in memory from 0 to $length, of which there must be more than 240.
;; Its secret lies at 294912; made with the seed, at 295168.
(module
  (memory (export "memory") 5)

  (data (i32.const 294912)
    "\b8\fe\6c\39\23\a4\4b\be\7c\01\81\2c\f7\21\ad\1c\de\d4\6d\e9\83\90\97\db\72\40\a4\a4\b7\b3\67\1f"
    "\cb\79\e6\4e\cc\c0\e5\78\82\5a\d0\7d\cc\ff\72\21\b8\08\46\74\f7\43\24\8e\e0\35\90\e6\81\3a\26\4c"
    "\3c\28\52\bb\91\c3\00\cb\88\d0\65\8b\1b\53\2e\a3\71\64\48\97\a2\0d\f9\4e\38\19\ef\46\a9\de\ac\d8"
    "\a8\fa\76\3f\e3\9c\34\3f\f9\dc\bb\c7\c7\0b\4f\1d\8a\51\e0\4b\cd\b4\59\31\c8\9f\7e\c9\d9\78\73\64"
    "\ea\c5\ac\83\34\d3\eb\c3\c5\81\a0\ff\fa\13\63\eb\17\0d\dd\51\b7\f0\da\49\d3\16\55\26\29\d4\68\9e"
    "\2b\16\be\58\7d\47\a1\fc\8f\f8\b8\d1\7a\d0\31\ce\45\cb\3a\8f\95\16\04\28\af\d7\fb\ca\bb\4b\40\7e")

  ;; The two halves of a product of 128 bits, one xor the other.
  (func $fold (param $x i64) (param $y i64) (result i64)
    (local $lowLow i64)
    (local $highLow i64)
    (local $cross i64)
    (local.set $lowLow
      (i64.mul (i64.and (local.get $x) (i64.const 0xffffffff)) (i64.and (local.get $y) (i64.const 0xffffffff))))
    (local.set $highLow
      (i64.mul (i64.shr_u (local.get $x) (i64.const 32)) (i64.and (local.get $y) (i64.const 0xffffffff))))
    (local.set $cross
      (i64.add
        (i64.add (i64.shr_u (local.get $lowLow) (i64.const 32)) (i64.and (local.get $highLow) (i64.const 0xffffffff)))
        (i64.mul (i64.and (local.get $x) (i64.const 0xffffffff)) (i64.shr_u (local.get $y) (i64.const 32)))))
    (i64.xor
      (i64.mul (local.get $x) (local.get $y))
      (i64.add
        (i64.add (i64.shr_u (local.get $highLow) (i64.const 32)) (i64.shr_u (local.get $cross) (i64.const 32)))
        (i64.mul (i64.shr_u (local.get $x) (i64.const 32)) (i64.shr_u (local.get $y) (i64.const 32))))))

  (func $merge (param $acc v128) (param $at i32) (result i64)
    (call $fold
      (i64.xor (i64x2.extract_lane 0 (local.get $acc)) (i64.load offset=295179 (local.get $at)))
      (i64.xor (i64x2.extract_lane 1 (local.get $acc)) (i64.load offset=295187 (local.get $at)))))

  (func $makeSecret (param $seed i64)
    (local $at i32)
    (local $both v128)
    (local.set $both
      (i64x2.replace_lane 1 (i64x2.splat (local.get $seed)) (i64.sub (i64.const 0) (local.get $seed))))
    (loop $next
      (v128.store offset=295168 (local.get $at)
        (i64x2.add (v128.load offset=294912 (local.get $at)) (local.get $both)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 192)))))

  (func (export "hash") (param $length i32) (param $start i32) (result i32)
    (local $at i32)
    (local $key i32)
    (local $end i32)
    (local $stripesEnd i32)
    (local $hash i64)
    (local $v v128)
    (local $w v128)
    (local $x v128)
    (local $y v128)
    (local $low v128)
    (local $high v128)
    (local $prime v128)
    (local $acc0 v128)
    (local $acc1 v128)
    (local $acc2 v128)
    (local $acc3 v128)
    (local $sum0 v128)
    (local $sum1 v128)
    (local $sum2 v128)
    (local $sum3 v128)
    (call $makeSecret (i64.extend_i32_u (local.get $start)))
    (local.set $prime (v128.const i64x2 0x9E3779B1 0x9E3779B1))
    (local.set $acc0 (v128.const i64x2 0x00000000C2B2AE3D 0x9E3779B185EBCA87))
    (local.set $acc1 (v128.const i64x2 0xC2B2AE3D27D4EB4F 0x165667B19E3779F9))
    (local.set $acc2 (v128.const i64x2 0x85EBCA77C2B2AE63 0x0000000085EBCA77))
    (local.set $acc3 (v128.const i64x2 0x27D4EB2F165667C5 0x000000009E3779B1))

    ;; All whole stripes of 64 bytes that end before the last byte, scrambled after every 16. Each accumulator also gets the input of its neighbor:
    ;; $sum0 to $sum3 add it up in place, so that a swap for 16 stripes is enough. That takes a sixth less time.
    (local.set $stripesEnd (i32.and (i32.sub (local.get $length) (i32.const 1)) (i32.const -64)))
    (block $done
      (loop $blocks
        (br_if $done (i32.eq (local.get $at) (local.get $stripesEnd)))
        (local.set $key (i32.const 295168))
        (local.set $end (i32.add (local.get $at) (i32.const 1024)))
        (if (i32.gt_u (local.get $end) (local.get $stripesEnd)) (then (local.set $end (local.get $stripesEnd))))
        (loop $stripes
          (local.set $v (v128.load offset=0 (local.get $at)))
          (local.set $w (v128.load offset=16 (local.get $at)))
          (local.set $x (v128.xor (local.get $v) (v128.load offset=0 (local.get $key))))
          (local.set $y (v128.xor (local.get $w) (v128.load offset=16 (local.get $key))))
          (local.set $low (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $x) (local.get $y)))
          (local.set $high (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $x) (local.get $y)))
          (local.set $acc0 (i64x2.add (local.get $acc0) (i64x2.extmul_low_i32x4_u (local.get $low) (local.get $high))))
          (local.set $sum0 (i64x2.add (local.get $sum0) (local.get $v)))
          (local.set $acc1 (i64x2.add (local.get $acc1) (i64x2.extmul_high_i32x4_u (local.get $low) (local.get $high))))
          (local.set $sum1 (i64x2.add (local.get $sum1) (local.get $w)))
          (local.set $v (v128.load offset=32 (local.get $at)))
          (local.set $w (v128.load offset=48 (local.get $at)))
          (local.set $x (v128.xor (local.get $v) (v128.load offset=32 (local.get $key))))
          (local.set $y (v128.xor (local.get $w) (v128.load offset=48 (local.get $key))))
          (local.set $low (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $x) (local.get $y)))
          (local.set $high (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $x) (local.get $y)))
          (local.set $acc2 (i64x2.add (local.get $acc2) (i64x2.extmul_low_i32x4_u (local.get $low) (local.get $high))))
          (local.set $sum2 (i64x2.add (local.get $sum2) (local.get $v)))
          (local.set $acc3 (i64x2.add (local.get $acc3) (i64x2.extmul_high_i32x4_u (local.get $low) (local.get $high))))
          (local.set $sum3 (i64x2.add (local.get $sum3) (local.get $w)))
          (local.set $key (i32.add (local.get $key) (i32.const 8)))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br_if $stripes (i32.lt_u (local.get $at) (local.get $end))))
        (br_if $done (i32.ne (local.get $key) (i32.const 295296)))
        (local.set $acc0 (i64x2.add (local.get $acc0) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum0) (local.get $sum0))))
        (local.set $sum0 (v128.const i64x2 0 0))
        (local.set $acc1 (i64x2.add (local.get $acc1) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum1) (local.get $sum1))))
        (local.set $sum1 (v128.const i64x2 0 0))
        (local.set $acc2 (i64x2.add (local.get $acc2) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum2) (local.get $sum2))))
        (local.set $sum2 (v128.const i64x2 0 0))
        (local.set $acc3 (i64x2.add (local.get $acc3) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum3) (local.get $sum3))))
        (local.set $sum3 (v128.const i64x2 0 0))
        (local.set $v (v128.xor
          (v128.xor (local.get $acc0) (i64x2.shr_u (local.get $acc0) (i32.const 47)))
          (v128.load offset=295296 (i32.const 0))))
        (local.set $acc0 (i64x2.mul (local.get $v) (local.get $prime)))
        (local.set $v (v128.xor
          (v128.xor (local.get $acc1) (i64x2.shr_u (local.get $acc1) (i32.const 47)))
          (v128.load offset=295312 (i32.const 0))))
        (local.set $acc1 (i64x2.mul (local.get $v) (local.get $prime)))
        (local.set $v (v128.xor
          (v128.xor (local.get $acc2) (i64x2.shr_u (local.get $acc2) (i32.const 47)))
          (v128.load offset=295328 (i32.const 0))))
        (local.set $acc2 (i64x2.mul (local.get $v) (local.get $prime)))
        (local.set $v (v128.xor
          (v128.xor (local.get $acc3) (i64x2.shr_u (local.get $acc3) (i32.const 47)))
          (v128.load offset=295344 (i32.const 0))))
        (local.set $acc3 (i64x2.mul (local.get $v) (local.get $prime)))
        (br $blocks)))

    ;; The last 64 bytes, some of which may have been in a stripe already.
    (local.set $at (i32.sub (local.get $length) (i32.const 64)))
    (local.set $key (i32.const 295289))
    (local.set $v (v128.load offset=0 (local.get $at)))
    (local.set $w (v128.load offset=16 (local.get $at)))
    (local.set $x (v128.xor (local.get $v) (v128.load offset=0 (local.get $key))))
    (local.set $y (v128.xor (local.get $w) (v128.load offset=16 (local.get $key))))
    (local.set $low (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $x) (local.get $y)))
    (local.set $high (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $x) (local.get $y)))
    (local.set $sum0 (i64x2.add (local.get $sum0) (local.get $v)))
    (local.set $acc0 (i64x2.add
      (i64x2.add (local.get $acc0) (i64x2.extmul_low_i32x4_u (local.get $low) (local.get $high)))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum0) (local.get $sum0))))
    (local.set $sum1 (i64x2.add (local.get $sum1) (local.get $w)))
    (local.set $acc1 (i64x2.add
      (i64x2.add (local.get $acc1) (i64x2.extmul_high_i32x4_u (local.get $low) (local.get $high)))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum1) (local.get $sum1))))
    (local.set $v (v128.load offset=32 (local.get $at)))
    (local.set $w (v128.load offset=48 (local.get $at)))
    (local.set $x (v128.xor (local.get $v) (v128.load offset=32 (local.get $key))))
    (local.set $y (v128.xor (local.get $w) (v128.load offset=48 (local.get $key))))
    (local.set $low (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $x) (local.get $y)))
    (local.set $high (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $x) (local.get $y)))
    (local.set $sum2 (i64x2.add (local.get $sum2) (local.get $v)))
    (local.set $acc2 (i64x2.add
      (i64x2.add (local.get $acc2) (i64x2.extmul_low_i32x4_u (local.get $low) (local.get $high)))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum2) (local.get $sum2))))
    (local.set $sum3 (i64x2.add (local.get $sum3) (local.get $w)))
    (local.set $acc3 (i64x2.add
      (i64x2.add (local.get $acc3) (i64x2.extmul_high_i32x4_u (local.get $low) (local.get $high)))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum3) (local.get $sum3))))

    (local.set $hash (i64.mul (i64.extend_i32_u (local.get $length)) (i64.const 0x9E3779B185EBCA87)))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $acc0) (i32.const 0))))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $acc1) (i32.const 16))))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $acc2) (i32.const 32))))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $acc3) (i32.const 48))))
    (local.set $hash
      (i64.mul
        (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 37)))
        (i64.const 0x165667919E3779F9)))
    (i32.wrap_i64 (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))))
