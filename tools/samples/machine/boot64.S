# boot64.S - multiboot entry: 32-bit protected mode -> long mode with the page tables that the host put
# into memory, then the kernel; and the page at 8000h where the second CPU starts.  Loader block at
# 200000h: cr3, kernel entry, stack, its own virtual address.
        .section .mb,"a"
        .long 0x1BADB002, 0, -0x1BADB002
        .text
        .code32
        .globl _start
_start: cli
        movl $trampoline, %esi          # the second CPU's page
        movl $0x8000, %edi
        movl $(trampoline_end - trampoline), %ecx
        rep movsb
        movl $0x200000, %ebx
        movl (%ebx), %eax
        movl %eax, %cr3
        movl $0x620, %eax               # PAE, OSFXSR, OSXMMEXCPT
        movl %eax, %cr4
        movl $0xC0000080, %ecx
        rdmsr
        orl $0x901, %eax                # SCE, LME, NXE
        wrmsr
        lgdt gdtr
        movl $0x80010033, %eax          # PG, WP, NE, ET, MP, PE
        movl %eax, %cr0
        ljmp $0x10, $long
        .code64
long:   movl $0x18, %eax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movq 16(%rbx), %rsp
        subq $0x28, %rsp                # home space; as after a call: 8 modulo 16
        movq $0, (%rsp)
        movq 24(%rbx), %rcx
        jmpq *8(%rbx)
        .balign 8
gdt:    .quad 0, 0x00CF9B000000FFFF, 0x00209B0000000000, 0x00CF93000000FFFF   # 8 code 32, 10h code 64, 18h data
gdtr:   .word 31
        .long gdt

        .set at, 0x8000
        .code16
trampoline:
        cli
        movw %cs, %ax
        movw %ax, %ds
        lgdtl (ap_gdtr - trampoline)
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $(at + ap32 - trampoline)
        .code32
ap32:   movl $0x18, %eax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x620, %eax
        movl %eax, %cr4
        movl (at + 0xFE8), %eax
        movl %eax, %cr3
        movl $0xC0000080, %ecx
        rdmsr
        orl $0x901, %eax
        wrmsr
        movl $0x80010033, %eax
        movl %eax, %cr0
        ljmpl $0x10, $(at + ap64 - trampoline)
        .code64
ap64:   movq (at + 0xFF0), %rsp
        movq (at + 0xFF8), %rax
        jmpq *%rax
        .balign 8
ap_gdt: .quad 0, 0x00CF9B000000FFFF, 0x00209B0000000000, 0x00CF93000000FFFF
ap_gdtr: .word 31
        .long at + ap_gdt - trampoline
trampoline_end:
