/* Walks a list whose elements lie in random places, then adds up an array: what depends on latency, and what does not. */
#define ELEMENTS 4096
#define LINE 64
static char memory[ELEMENTS][LINE];
static volatile unsigned array[8 * ELEMENTS];
static volatile unsigned sink;

static void walk(void)
{
    unsigned k, next = 0;
    for (k = 0; k < ELEMENTS; k++) /* a full-period sequence: every element once, in no order that a prefetcher sees */
        *(unsigned *)memory[k] = (k * 1229u + 2053u) % ELEMENTS;
    for (k = 0; k < ELEMENTS; k++)
        next = *(unsigned *)memory[next];
    for (k = 0; k < 8 * ELEMENTS; k++)
        next += array[k];
    sink = next;
}

void _start(void)
{
    walk();
    __asm__ volatile("mov $60, %eax\n xor %edi, %edi\n syscall");
}
