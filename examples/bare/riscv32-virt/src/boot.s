# From the reset vector in machine mode to Rust: a stack, zeroed statics.

    .section .text.start, "ax"
    .globl start
start:
    csrw mie, zero
    la sp, STACK_TOP
    la t0, BSS
    la t1, BSS_END
0:  bgeu t0, t1, 1f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 0b
1:  call main
2:  wfi
    j 2b

# Semihosting: the three instructions uncompressed and on one page, operation and argument where the caller left them.
    .section .text.semihosting, "ax"
    .globl semihosting
    .balign 16
    .option push
    .option norvc
semihosting:
    slli zero, zero, 0x1f
    ebreak
    srai zero, zero, 7
    ret
    .option pop
