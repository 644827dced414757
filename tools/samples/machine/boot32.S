# boot32.S - multiboot entry: turns on paging with the page tables that the host put into memory, then
# the kernel; and the page at 8000h where the second CPU starts.  Boot page at 200000h: cr3, kernel
# entry, stack, loader block, cr4; 64 bits each.
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
        lgdt gdtr
        ljmp $8, $1f
1:      movl $0x10, %eax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x200000, %ebx
        movl 32(%ebx), %eax
        movl %eax, %cr4
        movl (%ebx), %eax
        movl %eax, %cr3
        movl 8(%ebx), %ecx
        movl 16(%ebx), %edx
        movl 24(%ebx), %esi
        movl $0x80010031, %eax          # PG, WP, NE, ET, PE
        movl %eax, %cr0
        movl %edx, %esp
        xorl %ebp, %ebp
        subl $0x20, %esp
        pushl %esi
        pushl $0
        jmpl *%ecx
        .balign 8
gdt:    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdtr:   .word 23
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
ap32:   movl $0x10, %eax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl (at + 0xFEC), %eax
        movl %eax, %cr4
        movl (at + 0xFE8), %eax
        movl %eax, %cr3
        movl $0x80010031, %eax
        movl %eax, %cr0
        movl (at + 0xFF0), %esp
        xorl %ebp, %ebp
        movl (at + 0xFF8), %eax
        jmpl *%eax
        .balign 8
ap_gdt: .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
ap_gdtr: .word 23
        .long at + ap_gdt - trampoline
trampoline_end:
