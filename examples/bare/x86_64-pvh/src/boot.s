# From QEMU's jump in 32-bit protected mode (PVH) to Rust in long mode, with the first GiB of memory mapped to itself.

# Tells the loader where to jump: XEN_ELFNOTE_PHYS32_ENTRY.
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18              # lengths of name and content, type
    .asciz "Xen"
    .long start32

    .section .text.start, "ax"
    .code32
    .globl start32
start32:
    cli
    movl $level4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x620, %eax            # PAE; OSFXSR and OSXMMEXCPT: the compiler uses SSE
    movl %eax, %cr4
    movl $0xc0000080, %ecx      # EFER
    rdmsr
    orl $0x100, %eax            # LME
    wrmsr
    movl %cr0, %eax
    andl $0xfffffffb, %eax      # no EM
    orl $0x80000002, %eax       # PG, MP
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $start64

    .code64
start64:
    xorl %eax, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movq $STACK_TOP, %rsp
    xorl %ebp, %ebp
    call main
0:  hlt
    jmp 0b

    .section .rodata.boot, "a", @progbits
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff    # code, 64 bits
gdt_pointer:
    .word 15
    .long gdt

    .section .data.boot, "aw", @progbits
    .balign 4096
level4:
    .quad level3 + 3            # present, writable
    .fill 511, 8, 0
level3:
    .quad level2 + 3
    .fill 511, 8, 0
level2:
    .set page, 0
    .rept 512
    .quad page + 0x83           # a large page
    .set page, page + 0x200000
    .endr
