// What compilers do not write: fragments, a cold part far from its function, save_next,
// save_any_reg, and the stack probe that big frames call.
  .text
  .globl __chkstk
  .p2align 2
__chkstk: // x15: size / 16; a leaf, no entry
  subs x17, sp, x15, lsl #4
  mov x16, sp
1: sub x16, x16, #1, lsl #12
  cmp x16, x17
  b.ls 2f
  ldr xzr, [x16]
  b 1b
2: ret

  .globl __C_specific_handler
__C_specific_handler:
  brk #1

// save_next: three pairs behind the first
  .globl next_pairs
  .seh_proc next_pairs
next_pairs:
  stp x19, x20, [sp, #-96]!
  .seh_save_r19r20_x 96
  stp x21, x22, [sp, #16]
  .seh_save_next
  stp x23, x24, [sp, #32]
  .seh_save_next
  stp x25, x26, [sp, #48]
  .seh_save_next
  stp x29, x30, [sp, #64]
  .seh_save_fplr 64
  add x29, sp, #64
  .seh_add_fp 64
  .seh_endprologue
  mov x19, x0
  mov x21, x19
  mov x23, x19
  mov x25, x19
  mov x20, x19
  bl other_leaf
  add x0, x0, x19
  .seh_startepilogue
  sub sp, x29, #64
  .seh_add_fp 64
  ldp x29, x30, [sp, #64]
  .seh_save_fplr 64
  ldp x25, x26, [sp, #48]
  .seh_save_next
  ldp x23, x24, [sp, #32]
  .seh_save_next
  ldp x21, x22, [sp, #16]
  .seh_save_next
  ldp x19, x20, [sp], #96
  .seh_save_r19r20_x 96
  .seh_endepilogue
  ret
  .seh_endproc

// saves volatile registers, as preserve_most functions do
  .globl any_regs
  .seh_proc any_regs
any_regs:
  stp x29, x30, [sp, #-80]!
  .seh_save_fplr_x 80
  mov x29, sp
  .seh_set_fp
  stp x9, x10, [sp, #16]
  .seh_save_any_reg_p x9, 16
  str x11, [sp, #32]
  .seh_save_any_reg x11, 32
  stp q6, q7, [sp, #48]
  .seh_save_any_reg_p q6, 48
  .seh_endprologue
  mov x9, #1
  mov x10, #2
  mov x11, #3
  bl other_leaf
  .seh_startepilogue
  ldp q6, q7, [sp, #48]
  .seh_save_any_reg_p q6, 48
  ldr x11, [sp, #32]
  .seh_save_any_reg x11, 32
  ldp x9, x10, [sp, #16]
  .seh_save_any_reg_p x9, 16
  mov sp, x29
  .seh_set_fp
  ldp x29, x30, [sp], #80
  .seh_save_fplr_x 80
  .seh_endepilogue
  ret
  .seh_endproc

other_leaf:
  add x0, x0, #3
  ret

// A function in three parts: the first has the prologue, the second nothing, the third the
// epilogue.  Parts two and three lie behind another function.
  .globl split
split:
  stp x29, x30, [sp, #-64]!
  stp x19, x20, [sp, #16]
  mov x29, sp
  mov x19, x0
  b split_cold
split_end:
filler:
  mov x0, #0
  ret
split_cold:
  mov x0, x19
  bl other_leaf
  b split_tail
split_cold_end:
  .p2align 4
split_tail:
  add x0, x0, x19
  mov sp, x29
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #64
  ret
split_tail_end:

// the same, its parts described by packed data: Flag 2 for the one without edges
  .globl packed_split
packed_split:
  stp x19, x20, [sp, #-16]!
  stp x29, x30, [sp, #-32]!
  mov x29, sp
  mov x19, x0
  bl other_leaf
  b packed_cold
packed_back:
  add x0, x0, x19
  ldp x29, x30, [sp], #32
  ldp x19, x20, [sp], #16
  ret
packed_end:
filler2:
  ret
packed_cold:
  bl other_leaf
  mov x20, x0
  b packed_back
packed_cold_end:

  .section .xdata, "dr"
  .p2align 2
split_data: // no epilogue: set_fp, save_regp x19 16, save_fplr_x 64, end
  .word (split_end - split) / 4 | 2 << 27
  .byte 0xE1, 0xC8, 0x02, 0x87, 0xE4, 0xE4, 0xE4, 0xE4
cold_data: // the same behind end_c, one epilogue of no codes in the header
  .word (split_cold_end - split_cold) / 4 | 2 << 27
  .byte 0xE5, 0xE1, 0xC8, 0x02, 0x87, 0xE4, 0xE4, 0xE4
tail_data: // an epilogue at the end, from index 1
  .word (split_tail_end - split_tail) / 4 | 1 << 21 | 1 << 22 | 2 << 27
  .byte 0xE5, 0xE1, 0xC8, 0x02, 0x87, 0xE4, 0xE4, 0xE4

  .section .pdata, "dr"
  .p2align 2
  .rva split
  .rva split_data
  .rva split_cold
  .rva cold_data
  .rva split_tail
  .rva tail_data
  .rva packed_split
  .word 1 | (packed_end - packed_split) / 4 << 2 | 2 << 16 | 3 << 21 | 3 << 23
  .rva packed_cold
  .word 2 | (packed_cold_end - packed_cold) / 4 << 2 | 2 << 16 | 3 << 21 | 3 << 23

  .text
  .globl extra_all
  .seh_proc extra_all
extra_all:
  sub sp, sp, #16
  .seh_stackalloc 16
  stp x19, x30, [sp]
  .seh_save_lrpair x19, 0
  .seh_endprologue
  bl next_pairs
  bl any_regs
  bl split
  bl packed_split
  .seh_startepilogue
  ldp x19, x30, [sp]
  .seh_save_lrpair x19, 0
  add sp, sp, #16
  .seh_stackalloc 16
  .seh_endepilogue
  ret
  .seh_endproc
