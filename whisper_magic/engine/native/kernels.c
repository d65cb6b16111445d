/* A Whisper decoder's pass over a few rows, a round of speculation around it, and attention over many keys, for CPUs: one
 * call instead of hundreds.
 *
 * Compiled for the machine at hand by `native/__init__.py`, which says what every argument is. Nothing here allocates
 * what outlives a call, or knows a checkpoint. The rounds are those of target_pass.py and draft.py, which say why.
 *
 * One kernel does every product: R rows (at most 8) times a tile of 32 outputs, each output one chain of fused
 * multiply-adds over the inputs in order. What a row becomes depends on nothing but the row: not on the rows beside
 * it, not on how many there are, not on the number of threads. A batch therefore writes, to the last bit, what each
 * window writes alone.
 *
 * Tiles. A weight (outputs, inputs) is held as [outputs / 32][inputs][32], zeros behind the last output; in bfloat16 as
 * [outputs / 32][inputs / 2][32][2], as the processor's dot product wants pairs; in 8 bits, [inputs / 4][32][4]. Cross
 * keys (frames, head_dim) are such a weight with frames for outputs; cross values, one with frames for inputs.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif
#if defined(_OPENMP)
#include <omp.h>
#else
static int omp_get_thread_num(void) { return 0; }
#endif

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));
typedef float v16u __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t h16u __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint8_t b16u __attribute__((vector_size(16), aligned(1), may_alias));
#define INLINE static inline __attribute__((always_inline))

enum { F32, F16, BF16, I8 };
static const int BYTES[] = {4, 2, 2, 1};
enum { TILE = 32, ROWS = 8, MOST_DIM = 256 };

typedef struct {
    const void *weight;         /* in tiles */
    const float *bias;          /* (outputs,) or NULL */
    const float *scale, *shift; /* (outputs,): of I8, with 128 times the sum of an output's weights; else NULL */
    int32_t outputs, inputs, type, gelu;
} Linear;

typedef struct {
    const float *weight, *bias;
} Norm;

typedef struct {
    Norm self_norm, cross_norm, ffn_norm;
    Linear qkv, self_out, cross_q, cross_out, fc1, fc2;
} Layer;

typedef struct {
    const Layer *layers;
    const void *embedding;   /* (vocab, width) */
    const float *positions;  /* (context, width) */
    Norm final_norm;
    Linear output;
    int32_t layer_count, width, heads, context, embedding_type, cache_type;
    float embed_scale;
} Decoder;

/* ---- numbers ---- */

INLINE v16 splat(float a) { return (v16){a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a}; }
INLINE v16 load(const float *p) { return *(const v16u *)p; }
INLINE void store(float *p, v16 a) { *(v16u *)p = a; }
INLINE v16 choose(i16 mask, v16 a, v16 b) { return (v16)((mask & (i16)a) | (~mask & (i16)b)); }
INLINE v16 larger(v16 a, v16 b) {
#if defined(__AVX512F__)
    return (v16)_mm512_max_ps((__m512)a, (__m512)b);
#else
    return choose(a > b, a, b);
#endif
}

INLINE float sum16(v16 a) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)a);
#else
    float s[16];
    store(s, a);
    for (int n = 8; n; n /= 2)
        for (int i = 0; i < n; i++) s[i] += s[i + n];
    return s[0];
#endif
}

INLINE float from_bf16(uint16_t h) {
    uint32_t bits = (uint32_t)h << 16;
    float a;
    memcpy(&a, &bits, 4);
    return a;
}

INLINE uint16_t to_bf16(float a) { /* to the nearest, ties to even */
    uint32_t bits;
    memcpy(&bits, &a, 4);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

INLINE v16 load_bf16(const uint16_t *p) {
#if defined(__AVX512F__)
    i16 wide = (i16)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
#else
    i16 wide = __builtin_convertvector(*(const h16u *)p, i16);
#endif
    return (v16)(wide << 16);
}

INLINE v16 load_f16(const uint16_t *p) {
#if defined(__AVX512F__)
    return (v16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__F16C__)
    v16 a;
    __m256 low = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
    __m256 high = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)));
    memcpy(&a, &low, 32);
    memcpy((char *)&a + 32, &high, 32);
    return a;
#else
    v16 a;
    for (int i = 0; i < 16; i++) { /* exact: a float16 is a float32 of a smaller exponent */
        uint32_t bits = (uint32_t)(p[i] & 0x7fff) << 13, sign = (uint32_t)(p[i] & 0x8000) << 16;
        float f;
        memcpy(&f, &bits, 4);
        f *= 0x1p112f;
        a[i] = sign ? -f : f;
    }
    return a;
#endif
}

INLINE v16 weight16(int type, const void *w, long at) {
    switch (type) {
    case F16: return load_f16((const uint16_t *)w + at);
    default: return load((const float *)w + at);
    }
}

INLINE v16 exp16(v16 x) { /* within some units in the last place; below -87 it stays at what -87 gives */
    const v16 magic = splat(12582912.0f); /* 1.5 * 2^23: what is added to it is rounded to a whole number */
    x = larger(x, splat(-87.0f));
    v16 t = x * 1.44269504f + magic, f = x * 1.44269504f - (t - magic); /* 2^f, f from -0.5 to 0.5: Chebyshev's fit */
    v16 p = splat(1.546973198e-04f);
    p = p * f + 1.340043217e-03f;
    p = p * f + 9.618025603e-03f;
    p = p * f + 5.550327214e-02f;
    p = p * f + 2.402265121e-01f;
    p = p * f + 6.931472067e-01f;
    p = p * f + 1.000000000e+00f;
    return (v16)((i16)p + ((i16)t << 23));
}

INLINE v16 gelu16(v16 x) { /* x times the normal distribution up to x; erf by Abramowitz and Stegun 7.1.26, as ATen */
    v16 z = x * 0.70710678f, a = (v16)((i16)z & 0x7fffffff);
    v16 t = 1.0f / (1.0f + 0.3275911f * a);
    v16 p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    v16 e = 1.0f - p * exp16(-a * a);
    return 0.5f * x * (1.0f + choose(z < 0.0f, -e, e));
}

/* ---- the kernel ---- */

/* A weight is read once, in order, and comes from memory while the arithmetic on what came before it goes on: asked for
 * so many bytes ahead, into the second cache. `bytes`: how many of a tile are used at a time. */
enum { AHEAD = 16384, LINE = 64 };
INLINE void ask_for(const void *w, int bytes) {
#pragma GCC unroll 2
    for (int i = 0; i < bytes; i += LINE) __builtin_prefetch((const char *)w + AHEAD + i, 0, 2);
}

/* sums[r][g] = x[r] times tile g, for R rows and G halves of tiles of 16 outputs. `stride`: tiles' own size. */
INLINE void product(int R, int G, int type, const void *x, long ldx, const void *w, long stride, int inputs,
                    v16 sums[ROWS][ROWS]) {
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int g = 0; g < G; g++) sums[r][g] = splat(0.0f);
#if defined(__AVX512BF16__)
    if (type == BF16) {
        const uint16_t *rows = x, *tiles = w;
        for (int k = 0; k < inputs / 2; k++) {
            __m512bh some[8];
#pragma GCC unroll 4
            for (int g = 0; g < G; g += 2) ask_for(tiles + g / 2 * stride + k * 2 * TILE, 128);
#pragma GCC unroll 8
            for (int g = 0; g < G; g++)
                some[g] = (__m512bh)_mm512_loadu_si512(tiles + g / 2 * stride + k * 2 * TILE + g % 2 * TILE);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                int32_t pair;
                memcpy(&pair, rows + r * ldx + 2 * k, 4);
                __m512bh both = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 8
                for (int g = 0; g < G; g++) sums[r][g] = (v16)_mm512_dpbf16_ps((__m512)sums[r][g], some[g], both);
            }
        }
        return;
    }
#endif
#if defined(__AVX512VNNI__)
    if (type == I8) { /* rows in 8 bits without a sign, weights with one: whole numbers all the way */
        const uint8_t *rows = x;
        const int8_t *tiles = w;
        for (int k = 0; k < inputs / 4; k++) {
            __m512i some[8];
#pragma GCC unroll 4
            for (int g = 0; g < G; g += 2) ask_for(tiles + g / 2 * stride + k * 4 * TILE, 128);
#pragma GCC unroll 8
            for (int g = 0; g < G; g++)
                some[g] = _mm512_loadu_si512(tiles + g / 2 * stride + k * 4 * TILE + g % 2 * 2 * TILE);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                int32_t four;
                memcpy(&four, rows + r * ldx + 4 * k, 4);
#pragma GCC unroll 8
                for (int g = 0; g < G; g++)
                    sums[r][g] = (v16)_mm512_dpbusd_epi32((__m512i)sums[r][g], _mm512_set1_epi32(four), some[g]);
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; r++)
#pragma GCC unroll 8
            for (int g = 0; g < G; g++) sums[r][g] = (v16)_mm512_cvtepi32_ps((__m512i)sums[r][g]);
        return;
    }
#endif
    const float *rows = x;
    for (int k = 0; k < inputs; k++) {
        v16 some[8];
#pragma GCC unroll 4
        for (int g = 0; g < G; g += 2)
            ask_for((const char *)w + (g / 2 * stride + (long)k * TILE) * BYTES[type], TILE * BYTES[type]);
#pragma GCC unroll 8
        for (int g = 0; g < G; g++) some[g] = weight16(type, w, g / 2 * stride + (long)k * TILE + g % 2 * 16);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            v16 one = splat(rows[r * ldx + k]);
#pragma GCC unroll 8
            for (int g = 0; g < G; g++) sums[r][g] += one * some[g];
        }
    }
}

/* What becomes of sums on their way out: (- shift) times scale and the row's own, + bias, GELU, + what is there. Where
 * nothing does, there is none. */
typedef struct {
    const float *shift, *scale, *row_scale, *bias;
    int gelu, add;
} Finish;

static __attribute__((noinline)) void put(v16 y, float *out, int room, long at, const Finish *finish, int row) {
    float y16[16];
    if (room >= 16) {
        if (finish->scale) y = (y - load(finish->shift + at)) * load(finish->scale + at) * finish->row_scale[row];
        if (finish->bias) y += load(finish->bias + at);
        if (finish->gelu) y = gelu16(y);
        if (finish->add) y += load(out + at);
        store(out + at, y);
        return;
    }
    store(y16, y);
    for (int i = 0; i < room; i++) {
        float a = y16[i];
        if (finish->scale) a = (a - finish->shift[at + i]) * finish->scale[at + i] * finish->row_scale[row];
        if (finish->bias) a += finish->bias[at + i];
        if (finish->gelu) a = gelu16(splat(a))[0];
        out[at + i] = finish->add ? out[at + i] + a : a;
    }
}

INLINE void rows_by_tiles(int R, int G, int type, const void *x, long ldx, const void *w, long stride, int inputs,
                          float *out, long ldo, int outputs, long first, const Finish *finish) {
    v16 sums[ROWS][ROWS]; /* a fixed size, which the compiler keeps in registers */
    product(R, G, type, x, ldx, w, stride, inputs, sums);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int g = 0; g < G; g++) {
            long at = first + 16 * g;
            if (!finish) store(out + r * ldo + at, sums[r][g]);
            else if (at < outputs) put(sums[r][g], out + r * ldo, outputs - (int)at, at, finish, r);
        }
}

#define CASE(R, G, TYPE) \
    case R: rows_by_tiles(R, G, TYPE, x, ldx, w, stride, inputs, out, ldo, outputs, first, finish); return
#define KERNEL(NAME, TYPE)                                                                                       \
    static void NAME(int rows, int tiles, const void *x, long ldx, const void *w, long stride, int inputs,       \
                     float *out, long ldo, int outputs, long first, const Finish *finish) {                      \
        if (tiles == 2) switch (rows) { CASE(1, 4, TYPE); CASE(2, 4, TYPE); }                                    \
        switch (rows) {                                                                                          \
            CASE(1, 2, TYPE); CASE(2, 2, TYPE); CASE(3, 2, TYPE); CASE(4, 2, TYPE);                              \
            CASE(5, 2, TYPE); CASE(6, 2, TYPE); CASE(7, 2, TYPE); CASE(8, 2, TYPE);                              \
        }                                                                                                        \
    }
KERNEL(kernel_f32, F32)
KERNEL(kernel_f16, F16)
KERNEL(kernel_i8, I8)
KERNEL(kernel_bf16, BF16)
typedef void (*Kernel)(int, int, const void *, long, const void *, long, int, float *, long, int, long, const Finish *);
static const Kernel KERNELS[] = {kernel_f32, kernel_f16, kernel_bf16, kernel_i8};

/* A row in 8 bits: scaled by its own largest number, with 128 for nothing. inputs: a multiple of 16. Returns the scale. */
static float to_bytes(const float *x, int inputs, uint8_t *out) {
    v16 most = splat(1e-30f);
    for (int k = 0; k < inputs; k += 16) most = larger((v16)((i16)load(x + k) & 0x7fffffff), most);
    float top = most[0];
    for (int i = 1; i < 16; i++) top = most[i] > top ? most[i] : top;
    for (int k = 0; k < inputs; k += 16) {
        i16 whole = __builtin_convertvector(load(x + k) * (127.0f / top) + 128.5f, i16);
        b16u narrow = __builtin_convertvector(whole, b16u);
        memcpy(out + k, &narrow, 16);
    }
    return top / 127.0f;
}

/* A row in bfloat16. inputs: a multiple of 16. */
static void to_pairs(const float *x, int inputs, uint16_t *out) {
    for (int k = 0; k < inputs; k += 16)
#if defined(__AVX512BF16__)
        _mm256_storeu_si256((__m256i *)(out + k), (__m256i)_mm512_cvtneps_pbh((__m512)load(x + k)));
#else
        for (int i = k; i < k + 16; i++) out[i] = to_bf16(x[i]);
#endif
}

/* How many tiles are multiplied at a time, so that enough sums are under way. */
static int side_by_side(int rows) { return rows <= 2 ? 2 : 1; }

/* Tiles `first` to `last` - 1 of a weight times all rows. wide: room for a tile in float32, where rows are many. */
static void multiply(int type, const void *x, long ldx, int rows, const void *weight, int inputs, float *out, long ldo,
                     int outputs, int first, int last, const Finish *finish, float *wide) {
    long stride = (long)inputs * TILE, bytes = BYTES[type], row_bytes = ldx * (type == F16 ? 4 : bytes);
    int together = side_by_side(rows);
    for (int tile = first; tile < last; tile += together) {
        if (tile + together > last) together = 1;
        const void *w = (const char *)weight + tile * stride * bytes;
        int kind = type;
        if (rows > ROWS && type == F16) { /* the same numbers, converted once for all rows */
            for (long i = 0; i < stride; i += 16) store(wide + i, load_f16((const uint16_t *)w + i));
            w = wide, kind = F32;
        }
        for (int r = 0; r < rows; r += ROWS) {
            Finish some = finish ? *finish : (Finish){0};
            if (some.row_scale) some.row_scale += r;
            KERNELS[kind](rows - r < ROWS ? rows - r : ROWS, together, (const char *)x + r * row_bytes, ldx, w, stride,
                          inputs, out + r * ldo, ldo, outputs, (long)tile * TILE, finish ? &some : NULL);
        }
    }
}

static void layer_norm(const Norm *norm, const float *x, float *out, int width) {
    v16 sum = splat(0.0f), square = splat(0.0f);
    for (int i = 0; i < width; i += 16) sum += load(x + i);
    float mean = sum16(sum) / width;
    for (int i = 0; i < width; i += 16) {
        v16 a = load(x + i) - mean;
        square += a * a;
    }
    float scale = 1.0f / sqrtf(sum16(square) / width + 1e-5f);
    for (int i = 0; i < width; i += 16)
        store(out + i, (load(x + i) - mean) * scale * load(norm->weight + i) + load(norm->bias + i));
}

/* Where rows are made ready for a product, normed, and in 16 or 8 bits with their scales. Room for all rows; where they are
 * few, for each thread: it is quicker for all to make every row than to wait for each other. */
typedef struct {
    float *normed, *scales;
    uint16_t *narrow;
    int threads;
} Desk;

/* The rows that a desk needs room for, for any product of up to so many. */
static long desk_rows(int rows, int threads) { return rows > threads * ROWS ? rows : threads * ROWS; }

static void make_ready(const Linear *layer, const Norm *norm, const float *x, long r, const Desk *desk) {
    int inputs = layer->inputs;
    const float *row = x + r * inputs;
    if (norm) layer_norm(norm, row, desk->normed + r * inputs, inputs), row = desk->normed + r * inputs;
    if (layer->type == BF16) to_pairs(row, inputs, desk->narrow + r * inputs);
    if (layer->type == I8) desk->scales[r] = to_bytes(row, inputs, (uint8_t *)desk->narrow + r * inputs);
}

/* y = norm(x) W^T + b for all rows; norm: or NULL. To be called by all threads at once, like what follows: they share the
 * work, and leave together. */
static void linear(const Linear *layer, const Norm *norm, const float *x, int rows, float *out, int add, const Desk *shared) {
    int tiles = (layer->outputs + TILE - 1) / TILE, inputs = layer->inputs, type = layer->type;
    int together = side_by_side(rows), threads = shared->threads, share = (tiles + threads - 1) / threads;
    Desk own = *shared, *desk = &own;
    if (rows <= ROWS) {
        long mine = (long)omp_get_thread_num() * rows;
        own.normed += mine * inputs, own.narrow += mine * inputs, own.scales += mine;
        for (int r = 0; r < rows; r++) make_ready(layer, norm, x, r, desk);
    } else if (norm || type == BF16 || type == I8) {
#pragma omp for schedule(static)
        for (int r = 0; r < rows; r++) make_ready(layer, norm, x, r, desk);
    }
    Finish finish = {layer->shift, layer->scale, type == I8 ? desk->scales : NULL, layer->bias, layer->gelu, add};
    const void *from = type == BF16 || type == I8 ? (const void *)desk->narrow : norm ? desk->normed : x;
    share = (share + together - 1) / together * together;
#pragma omp for schedule(static, 1)
    for (int part = 0; part < threads; part++) {
        int first = part * share, last = first + share < tiles ? first + share : tiles;
        if (first >= last) continue;
        float *wide = rows > ROWS && type == F16 ? malloc(sizeof(float) * inputs * TILE) : NULL;
        multiply(type, from, inputs, rows, layer->weight, inputs, out, layer->outputs, layer->outputs, first, last, &finish,
                 wide);
        free(wide);
    }
}

/* ---- attention ---- */

static int padded(int frames) { return (frames + TILE - 1) / TILE * TILE; }

/* Up to 8 rows of one head over `frames` keys and values in tiles, in three steps that several threads may share. scores:
 * (rows, padded frames), with room for 8 rows; behind it, as much room for them in bfloat16. sums: (rows,). */
typedef struct {
    const float *q;
    long ldq;
    const void *keys, *values;
    float *scores, *sums, *out;
    long ldo;
    int rows, frames, dim, type;
    float scale;
} Attention;

static uint16_t *weights_of(const Attention *one) { return (uint16_t *)(one->scores + (long)ROWS * padded(one->frames)); }
static long scores_size(int frames) { return (long)ROWS * padded(frames) * 2; } /* floats */

static void score(const Attention *one, int first, int last) { /* against the frames of these tiles */
    int dim = one->dim, room = padded(one->frames);
    float scaled[ROWS * MOST_DIM];
    uint16_t narrow[ROWS * MOST_DIM];
    for (int r = 0; r < one->rows; r++) {
        for (int d = 0; d < dim; d += 16) store(scaled + r * dim + d, load(one->q + r * one->ldq + d) * one->scale);
        if (one->type == BF16) to_pairs(scaled + r * dim, dim, narrow + r * dim);
    }
    const void *x = one->type == BF16 ? (const void *)narrow : scaled;
    multiply(one->type, x, dim, one->rows, one->keys, dim, one->scores, room, room, first, last, NULL, NULL);
}

static void soften(const Attention *one, int r) { /* a row's softmax, but for the division by its sum */
    int frames = one->frames, room = padded(frames);
    float *row = one->scores + (long)r * room;
    for (int f = frames; f < room; f++) row[f] = -INFINITY;
    v16 most = splat(-INFINITY), sum = splat(0.0f);
    for (int f = 0; f < room; f += 16) most = larger(load(row + f), most);
    float top = most[0];
    for (int i = 1; i < 16; i++) top = most[i] > top ? most[i] : top;
    for (int f = 0; f < room; f += 16) {
        v16 e = exp16(load(row + f) - top);
        store(row + f, e);
        sum += e;
    }
    one->sums[r] = sum16(sum);
    for (int f = frames; f < room; f++) one->sums[r] -= row[f], row[f] = 0.0f;
    if (one->type == BF16) to_pairs(row, room, weights_of(one) + (long)r * room);
}

static void gather(const Attention *one, int first, int last) { /* these tiles of what was found */
    int room = padded(one->frames);
    const void *x = one->type == BF16 ? (const void *)weights_of(one) : one->scores;
    multiply(one->type, x, room, one->rows, one->values, room, one->out, one->ldo, one->dim, first, last, NULL, NULL);
    for (int r = 0; r < one->rows; r++)
        for (int i = first * TILE; i < last * TILE; i += 16) {
            float *at = one->out + r * one->ldo + i;
            store(at, load(at) / one->sums[r]);
        }
}

static void attend(const Attention *one) {
    score(one, 0, padded(one->frames) / TILE);
    for (int r = 0; r < one->rows; r++) soften(one, r);
    gather(one, 0, one->dim / TILE);
}

/* Keys and values (frames, dim) of one head into tiles, zeros behind the last frame. ld: bytes from one frame to the next. */
static void pack_head(const char *keys, const char *values, long ld, int frames, int dim, int type, char *k, char *v) {
    int room = padded(frames), words = dim * BYTES[type] / 4; /* a pair of bfloat16 numbers, side by side, is one word */
    for (int f = 0; f < room; f++) {
        uint32_t *out = (uint32_t *)k + (long)f / TILE * TILE * words + f % TILE;
        const uint32_t *row = (const uint32_t *)(keys + f * ld);
        for (int d = 0; d < words; d++) out[d * TILE] = f < frames ? row[d] : 0;
    }
    for (int tile = 0; tile < dim; tile += TILE, v += (long)room * TILE * BYTES[type])
        for (int f = 0; f < room; f++) {
            const char *row = values + f * ld + tile * BYTES[type];
            if (type == F32) {
                float *out = (float *)v + (long)f * TILE;
                if (f < frames) memcpy(out, row, sizeof(float) * TILE);
                else memset(out, 0, sizeof(float) * TILE);
                continue;
            }
            if (f % 2) continue; /* two frames at a time */
            const h16u *first = (const h16u *)row, *second = (const h16u *)(row + ld);
            for (int d = 0; d < TILE / 16; d++) {
                i16 low = f < frames ? __builtin_convertvector(first[d], i16) : (i16){0};
                i16 high = f + 1 < frames ? __builtin_convertvector(second[d], i16) : (i16){0};
                store((float *)((uint16_t *)v + (long)f * TILE) + 16 * d, (v16)(low | (high << 16)));
            }
        }
}

/* What decoder layers attend to, into their tiles. keys, values: (layers, frames, heads * dim), with so many bytes from
 * one layer and one frame to the next; key_tiles, value_tiles: [heads][padded frames * dim] of each layer, `apart` bytes
 * from one to the next. */
void pack_heads(const char *keys, const char *values, long layer_bytes, long frame_bytes, int layers, int heads, int frames,
                int dim, int type, char *key_tiles, char *value_tiles, long apart, int threads) {
    long size = (long)padded(frames) * dim * BYTES[type], head = (long)dim * BYTES[type];
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
    for (int job = 0; job < layers * heads; job++) {
        long from = job / heads * layer_bytes + job % heads * head, to = job / heads * apart + job % heads * size;
        pack_head(keys + from, values + from, frame_bytes, frames, dim, type, key_tiles + to, value_tiles + to);
    }
}

/* softmax(q k^T * scale) v for every head, as an encoder wants it: q, k, v (frames, ld) with head h at column h * dim;
 * out (frames, heads * dim), all of `type` (float32 or bfloat16). */
void attend_all(const void *q, const void *k, const void *v, long ld, int frames, int heads, int dim, int type,
                float scale, void *out, int threads) {
    int bytes = BYTES[type];
    long size = (long)padded(frames) * dim * bytes, ldo = (long)heads * dim;
    char *key_tiles = malloc((size_t)(2 * heads * size)), *value_tiles = key_tiles + heads * size;
    pack_heads(k, v, 0, ld * bytes, 1, heads, frames, dim, type, key_tiles, value_tiles, 0, threads);
    int blocks = (frames + ROWS - 1) / ROWS;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        float *scores = malloc(sizeof(float) * scores_size(frames)), sums[ROWS];
        float rows[ROWS * MOST_DIM], found[ROWS * MOST_DIM];
#pragma omp for schedule(static)
        for (int job = 0; job < heads * blocks; job++) {
            int h = job / blocks, first = job % blocks * ROWS, count = frames - first < ROWS ? frames - first : ROWS;
            long from = first * ld + (long)h * dim, to = first * ldo + (long)h * dim;
            Attention one = {(const float *)q + from, ld, key_tiles + h * size, value_tiles + h * size, scores, sums,
                             (float *)out + to, ldo, count, frames, dim, type, scale};
            if (type == F32) {
                attend(&one);
                continue;
            }
            for (int r = 0; r < count; r++)
                for (int d = 0; d < dim; d += 16)
                    store(rows + r * dim + d, load_bf16((const uint16_t *)q + from + r * ld + d));
            one.q = rows, one.ldq = dim, one.out = found, one.ldo = dim;
            attend(&one);
            for (int r = 0; r < count; r++) to_pairs(found + r * dim, dim, (uint16_t *)out + to + r * ldo);
        }
        free(scores);
    }
    free(key_tiles);
}

/* One row of one head over the keys and values of places 0 to `count` - 1 of its own text. */
static void attend_text(const float *q, const void *keys, const void *values, int count, int dim, int type, float scale,
                        float *scores, float *out) {
    float most = -INFINITY, sum = 0.0f;
    for (int t = 0; t < count; t++) {
        v16 dot = splat(0.0f);
        for (int d = 0; d < dim; d += 16)
            dot += load(q + d) * (type == BF16 ? load_bf16((const uint16_t *)keys + t * dim + d)
                                               : load((const float *)keys + t * dim + d));
        scores[t] = sum16(dot) * scale;
        most = scores[t] > most ? scores[t] : most;
    }
    for (int t = count; t < count + 16; t++) scores[t] = -INFINITY;
    for (int t = 0; t < count; t += 16) store(scores + t, exp16(load(scores + t) - most));
    for (int d = 0; d < dim; d++) out[d] = 0.0f;
    for (int t = 0; t < count; t++) {
        sum += scores[t];
        for (int d = 0; d < dim; d += 16)
            store(out + d, load(out + d) + scores[t] * (type == BF16 ? load_bf16((const uint16_t *)values + t * dim + d)
                                                                     : load((const float *)values + t * dim + d)));
    }
    for (int d = 0; d < dim; d++) out[d] /= sum;
}

/* ---- the decoder ---- */

/* self_kv: (layers, 2, slots, heads, length, dim); cross: the same with tiles for (length, dim). */
typedef struct {
    void *self_kv;
    const void *cross;
    int32_t slots, length, frames, threads;
} Caches;

/* Tokens of one slot, one behind the other: rows `row` to `row + count - 1` of a pass, at places `start` and on. */
typedef struct {
    int32_t slot, start, row, count;
} Run;

typedef struct {
    const Decoder *net;
    const Caches *caches;
    const int64_t *tokens; /* (rows,) */
    const Run **run_of;    /* of each row */
    int rows, apart;       /* apart: each thread attends by itself */
} Pass;

INLINE int place_of(const Pass *pass, int row) { return pass->run_of[row]->start + row - pass->run_of[row]->row; }

/* Where a head's keys (part 0) or values (part 1) are, among those of a cache that holds `size` elements a head. */
INLINE long head_at(const Pass *pass, int layer, int part, int slot, int head, long size) {
    return ((((long)2 * layer + part) * pass->caches->slots + slot) * pass->net->heads + head) * size;
}

static void self_attention(const Pass *pass, int layer, const float *qkv, float *out) {
    const Decoder *net = pass->net;
    int width = net->width, heads = net->heads, dim = width / heads, type = net->cache_type, length = pass->caches->length;
    char *kv = pass->caches->self_kv;
#pragma omp for schedule(static)
    for (int job = 0; job < pass->rows * 2 * heads; job++) {
        int row = job / (2 * heads), part = job / heads % 2, h = job % heads;
        const float *from = qkv + (long)row * 3 * width + (part + 1) * width + h * dim;
        long to = head_at(pass, layer, part, pass->run_of[row]->slot, h, (long)length * dim) + (long)place_of(pass, row) * dim;
        if (type == BF16) to_pairs(from, dim, (uint16_t *)kv + to);
        else memcpy((float *)kv + to, from, sizeof(float) * dim);
    }
    float *scores = malloc(sizeof(float) * (length + 16));
#pragma omp for schedule(static)
    for (int job = 0; job < pass->rows * heads; job++) {
        int row = job / heads, h = job % heads, slot = pass->run_of[row]->slot;
        long keys = head_at(pass, layer, 0, slot, h, (long)length * dim) * BYTES[type];
        long values = head_at(pass, layer, 1, slot, h, (long)length * dim) * BYTES[type];
        attend_text(qkv + (long)row * 3 * width + h * dim, kv + keys, kv + values, place_of(pass, row) + 1, dim, type,
                    1.0f / sqrtf((float)dim), scores, out + (long)row * width + h * dim);
    }
    free(scores);
}

/* A job is up to 8 rows of one run and one head. Where there are few, the threads share each of them, step by step. */
static void cross_attention(const Pass *pass, const Attention *jobs, int count, long layer_bytes) {
    int threads = pass->caches->threads, frames = pass->caches->frames, tiles = padded(frames) / TILE;
    int dims = jobs->dim / TILE, share = (tiles + threads - 1) / threads;
    if (pass->apart) {
        float *scores = malloc(sizeof(float) * scores_size(frames)), sums[ROWS];
#pragma omp for schedule(static)
        for (int job = 0; job < count; job++) {
            Attention one = jobs[job];
            one.keys = (const char *)one.keys + layer_bytes, one.values = (const char *)one.values + layer_bytes;
            one.scores = scores, one.sums = sums;
            attend(&one);
        }
        free(scores);
        return;
    }
#pragma omp for schedule(static)
    for (int part = 0; part < count * threads; part++) {
        Attention one = jobs[part / threads];
        int first = part % threads * share, last = first + share < tiles ? first + share : tiles;
        one.keys = (const char *)one.keys + layer_bytes;
        if (first < last) score(&one, first, last);
    }
#pragma omp for schedule(static)
    for (int row = 0; row < count * ROWS; row++)
        if (row % ROWS < jobs[row / ROWS].rows) soften(jobs + row / ROWS, row % ROWS);
#pragma omp for schedule(static)
    for (int part = 0; part < count * dims; part++) {
        Attention one = jobs[part / dims];
        one.values = (const char *)one.values + layer_bytes;
        gather(&one, part % dims, part % dims + 1);
    }
}

static void embed(const Pass *pass, float *x) {
    const Decoder *net = pass->net;
    int width = net->width, type = net->embedding_type;
#pragma omp for schedule(static)
    for (int row = 0; row < pass->rows; row++) {
        long token = pass->tokens[row], at = place_of(pass, row); /* rows past the context are never used */
        const float *place = net->positions + (at < net->context ? at : net->context - 1) * width;
        for (int i = 0; i < width; i += 16) {
            long from = token * width + i;
            v16 one = type == BF16 ? load_bf16((const uint16_t *)net->embedding + from) : weight16(type, net->embedding, from);
            store(x + (long)row * width + i, one * net->embed_scale + load(place + i));
        }
    }
}

/* Feed the runs' tokens, `tokens` (rows,). logits: (rows, vocab); with only_last, those after each run's last, (runs, vocab). */
static void forward(const Decoder *net, const Caches *caches, const int64_t *tokens, const Run *runs, int run_count,
                    int only_last, float *logits) {
    int rows = runs[run_count - 1].row + runs[run_count - 1].count, width = net->width, heads = net->heads;
    int dim = width / heads, inner = 3 * width, threads = caches->threads, frames = caches->frames, count = 0;
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].fc1.outputs > inner) inner = net->layers[i].fc1.outputs;
    long most = desk_rows(rows, threads);
    float *x = malloc(sizeof(float) * (rows * (2 * (long)width + inner) + most * ((long)width + 1 + inner)));
    float *heard = x + (long)rows * width, *wide = heard + (long)rows * width, *normed = wide + (long)rows * inner;
    float *scales = normed + most * width;
    Desk desk = {normed, scales, (uint16_t *)(scales + most), threads};
    const Run **run_of = malloc(sizeof(Run *) * rows);
    Attention *jobs = malloc(sizeof(Attention) * heads * (rows / ROWS + run_count));
    long size = (long)padded(frames) * dim * BYTES[net->cache_type], part = (long)caches->slots * heads * size;
    for (const Run *run = runs; run < runs + run_count; run++) {
        for (int i = 0; i < run->count; i++) run_of[run->row + i] = run;
        for (int h = 0; h < heads; h++)
            for (int first = 0; first < run->count; first += ROWS) {
                long at = (long)(run->row + first) * width + h * dim;
                const char *keys = (const char *)caches->cross + (run->slot * heads + h) * size;
                int some = run->count - first < ROWS ? run->count - first : ROWS;
                jobs[count++] = (Attention){wide + at, width, keys, keys + part, NULL, NULL, heard + at, width, some,
                                            frames, dim, net->cache_type, 1.0f / sqrtf((float)dim)};
            }
    }
    Pass pass = {net, caches, tokens, run_of, rows, threads == 1 || count >= 4 * threads};
    float *scores = pass.apart ? NULL : malloc(sizeof(float) * count * (scores_size(frames) + ROWS));
    for (int job = 0; scores && job < count; job++) {
        jobs[job].scores = scores + job * scores_size(frames);
        jobs[job].sums = scores + count * scores_size(frames) + job * ROWS;
    }
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        embed(&pass, x);
        for (int i = 0; i < net->layer_count; i++) {
            const Layer *layer = net->layers + i;
            linear(&layer->qkv, &layer->self_norm, x, rows, wide, 0, &desk);
            self_attention(&pass, i, wide, heard);
            linear(&layer->self_out, NULL, heard, rows, x, 1, &desk);
            linear(&layer->cross_q, &layer->cross_norm, x, rows, wide, 0, &desk);
            cross_attention(&pass, jobs, count, 2 * part * i);
            linear(&layer->cross_out, NULL, heard, rows, x, 1, &desk);
            linear(&layer->fc1, &layer->ffn_norm, x, rows, wide, 0, &desk);
            linear(&layer->fc2, NULL, wide, rows, x, 1, &desk);
        }
        if (only_last) {
#pragma omp for schedule(static)
            for (int i = 0; i < run_count; i++)
                memcpy(heard + (long)i * width, x + (long)(runs[i].row + runs[i].count - 1) * width, sizeof(float) * width);
        }
        linear(&net->output, &net->final_norm, only_last ? heard : x, only_last ? run_count : rows, logits, 0, &desk);
    }
    free(x), free(run_of), free(jobs), free(scores);
}

/* A pass over as many tokens of each live slot. tokens: (live, block); start, slot: (live,); logits: (live, block, vocab). */
void decoder_forward(const Decoder *net, const Caches *caches, const int64_t *tokens, const int64_t *start,
                     const int64_t *slot, int live, int block, float *logits) {
    Run *runs = malloc(sizeof(Run) * live);
    for (int i = 0; i < live; i++) runs[i] = (Run){(int)slot[i], (int)start[i], i * block, block};
    forward(net, caches, tokens, runs, live, 0, logits);
    free(runs);
}

/* ---- what is written next ---- */

enum { FIRST, AFTER_TEXT, AFTER_STAMP, AFTER_PAIR }; /* as in rules.py, which says what the rules are */

/* forbidden: (4, vocab), 0 or -infinity; begin: the first timestamp, `vocab` where there are none. */
typedef struct {
    const float *forbidden;
    int32_t vocab, begin, eot, no_speech;
} Rules;

/* What stands before a row: how many tokens were generated, the two last ones, and the latest timestamp or -1. */
typedef struct {
    int64_t index, last, before_last, latest;
} Place;

static float log_sum(const float *scores, int first, int last, float most) {
    float sum = 0.0f;
    v16 some = splat(0.0f);
    if (most == -INFINITY) return most;
    for (; first + 16 <= last; first += 16) some += exp16(load(scores + first) - most);
    for (; first < last; first++) sum += expf(scores[first] - most);
    return most + logf(sum + sum16(some));
}

static float largest(const float *scores, int first, int last) {
    float most = -INFINITY, each[16];
    v16 some = splat(-INFINITY);
    for (; first + 16 <= last; first += 16) some = larger(load(scores + first), some);
    store(each, some);
    for (int i = 0; i < 16; i++) most = each[i] > most ? each[i] : most;
    for (; first < last; first++) most = scores[first] > most ? scores[first] : most;
    return most;
}

static void choose_row(const float *logits, const Rules *rules, Place before, float *scores, int64_t *choice,
                       float *logprob) {
    int vocab = rules->vocab, begin = rules->begin, i = 0, state = before.index == 0 ? FIRST : AFTER_TEXT;
    if (state != FIRST && before.last >= begin)
        state = before.index < 2 || before.before_last >= begin ? AFTER_PAIR : AFTER_STAMP;
    const float *forbidden = rules->forbidden + (long)state * vocab;
    for (; i + 16 <= vocab; i += 16) store(scores + i, load(logits + i) + load(forbidden + i));
    for (; i < vocab; i++) scores[i] = logits[i] + forbidden[i];
    if (before.latest >= 0)
        for (i = begin; i < vocab && i < before.latest + (state != AFTER_STAMP); i++) scores[i] = -INFINITY;
    float text = largest(scores, 0, begin), stamp = largest(scores, begin, vocab);
    float mass = log_sum(scores, begin, vocab, stamp), all = mass;
    int from = mass > text ? begin : 0;
    float most = from == begin || stamp > text ? stamp : text;
    if (!from && logprob) {
        float words = log_sum(scores, 0, begin, text), high = words > mass ? words : mass;
        all = high == -INFINITY ? high : high + logf(expf(words - high) + expf(mass - high));
    }
    for (i = from; i < vocab - 1 && scores[i] != most; i++);
    *choice = i;
    if (logprob) *logprob = most - all;
}

/* The likeliest token that the rules leave in each row, and its log-probability (where that is wanted, else NULL).
 * before: what stands before each. */
static void choose_all(const float *logits, int rows, const Rules *rules, const Place *before, int64_t *choice,
                       float *logprob, int threads) {
#pragma omp parallel num_threads(threads) if (threads > 1 && rows > 1)
    {
        float *scores = malloc(sizeof(float) * rules->vocab);
#pragma omp for schedule(static)
        for (int row = 0; row < rows; row++)
            choose_row(logits + (long)row * rules->vocab, rules, before[row], scores, choice + row,
                       logprob ? logprob + row : NULL);
        free(scores);
    }
}

/* The same with what stands before the rows in four arrays, (rows,). */
void choose_rows(const float *logits, int rows, const Rules *rules, const int64_t *index, const int64_t *last,
                 const int64_t *before_last, const int64_t *latest, int64_t *choice, float *logprob, int threads) {
    Place *before = malloc(sizeof(Place) * rows);
    for (int row = 0; row < rows; row++) before[row] = (Place){index[row], last[row], before_last[row], latest[row]};
    choose_all(logits, rows, rules, before, choice, logprob, threads);
    free(before);
}

/* ---- a round ---- */

/* The slots as slots.py has them, (slots,) each, but tokens (slots, length) and facts (slots, FACTS + 3 width), all 0. live:
 * the slots that hold a window; of each of them, `offered` tokens are proposed, and a draft has read `read`. */
typedef struct {
    int64_t *tokens, *known, *cached, *facts;
    const int64_t *begin, *start, *limit;
    const int32_t *live, *read;
    int32_t *offered;
    int32_t live_count, length, width;
} Slots;
enum { FACTS = 5 };

static Place before(const Slots *slots, int slot, int64_t at, int stamps) { /* what follows the token at this place */
    const int64_t *text = slots->tokens + (long)slot * slots->length;
    int64_t begin = slots->begin[slot];
    Place place = {at + 1 - begin, text[at], text[at > 0 ? at - 1 : 0], -1};
    for (int64_t i = begin; i <= at; i++)
        if (text[i] >= stamps && text[i] > place.latest) place.latest = text[i];
    return place;
}

/* Add to `runs` a slot's tokens from `start` on. */
static void add_run(const Slots *slots, int slot, int64_t start, int count, Run *runs, int *run_count, int64_t *tokens) {
    int row = *run_count ? runs[*run_count - 1].row + runs[*run_count - 1].count : 0;
    runs[(*run_count)++] = (Run){slot, (int)start, row, count};
    memcpy(tokens + row, slots->tokens + (long)slot * slots->length + start, sizeof(int64_t) * count);
}

static int64_t bits(float a) {
    int32_t whole;
    memcpy(&whole, &a, 4);
    return whole;
}

/* The target's part of a round, as target_pass.py describes it: feed what is known and what is proposed, choose, accept,
 * write. Only what is used is computed. logits: room for (live, width, vocab). heard: whether P(no speech) is wanted. */
void target_round(const Decoder *net, const Caches *caches, const Rules *rules, Slots *slots, int heard, float *logits) {
    int live = slots->live_count, width = slots->width, most = live * width, run_count = 0;
    Run *runs = malloc(sizeof(Run) * live);
    int64_t *tokens = malloc(sizeof(int64_t) * 2 * most), *choice = tokens + most;
    Place *places = malloc(sizeof(Place) * most);
    float *logprob = malloc(sizeof(float) * most);
    for (int i = 0; i < live; i++) {
        int slot = slots->live[i];
        int64_t rows = slots->known[slot] - slots->cached[slot] + slots->offered[i];
        add_run(slots, slot, slots->cached[slot], (int)(rows < width ? rows : width), runs, &run_count, tokens);
    }
    forward(net, caches, tokens, runs, live, 0, logits);
    for (int i = 0; i < live; i++)
        for (int j = 0; j < runs[i].count; j++)
            places[runs[i].row + j] = before(slots, runs[i].slot, runs[i].start + j, rules->begin);
    choose_all(logits, runs[live - 1].row + runs[live - 1].count, rules, places, choice, logprob, caches->threads);
    for (int i = 0; i < live; i++) {
        int slot = runs[i].slot, row = runs[i].row, offered = slots->offered[i], accepted = 0, count = 0;
        int64_t known = slots->known[slot], open = known - slots->cached[slot], heard_at = slots->start[slot] - runs[i].start;
        int64_t *facts = slots->facts + (long)slot * (FACTS + 3 * width), *text = slots->tokens + (long)slot * slots->length;
        if (heard && 0 <= heard_at && heard_at < runs[i].count) {
            const float *after = logits + (row + heard_at) * rules->vocab;
            float top = largest(after, 0, rules->vocab);
            facts[4] = bits(expf(after[rules->no_speech] - log_sum(after, 0, rules->vocab, top)));
        }
        if (open > width) { /* more of the prompt is to come */
            slots->cached[slot] += width;
            continue;
        }
        const int64_t *mine = choice + row + open - 1;
        while (accepted < offered && text[known + accepted] == mine[accepted]) accepted++;
        while (count < accepted && mine[count] != rules->eot) count++;
        count++;
        if (count > slots->limit[slot] - known) count = (int)(slots->limit[slot] - known);
        facts[0] = 1, facts[1] = accepted, facts[2] = count;
        facts[3] = mine[count - 1] == rules->eot || count >= slots->limit[slot] - known;
        for (int j = 0; j < offered; j++) facts[FACTS + j] = text[known + j];
        for (int j = 0; j < count; j++) {
            facts[FACTS + width + j] = text[known + j] = mine[j];
            facts[FACTS + 2 * width + j] = bits(logprob[row + open - 1 + j]);
        }
        slots->known[slot] = known + count, slots->cached[slot] = known + count - 1;
    }
    free(runs), free(tokens), free(places), free(logprob);
}

/* A draft's part: read what it has not yet read of each slot, and write up to offered[i] guesses behind the known tokens
 * of live slot i, fewer where a text ends; `offered` becomes how many. logits: room for (live, vocab). */
void draft_round(const Decoder *net, const Caches *caches, const Rules *rules, Slots *slots, float *logits) {
    int live = slots->live_count, most = 0, rows = 0;
    Run *runs = malloc(sizeof(Run) * live);
    Place *places = malloc(sizeof(Place) * live);
    for (int i = 0; i < live; i++) {
        if (slots->offered[i] > most) most = slots->offered[i];
        rows += (int)slots->known[slots->live[i]] - slots->read[i];
    }
    int64_t *tokens = malloc(sizeof(int64_t) * (rows + live)), *choice = tokens + rows;
    for (int step = 0; step < most; step++) {
        int run_count = 0;
        for (int i = 0; i < live; i++) {
            int slot = slots->live[i];
            int64_t known = slots->known[slot], start = step ? known + step - 1 : slots->read[i];
            if (step < slots->offered[i])
                add_run(slots, slot, start, (int)(known + step - start), runs, &run_count, tokens);
        }
        if (!run_count) break;
        forward(net, caches, tokens, runs, run_count, 1, logits);
        for (int i = 0; i < run_count; i++)
            places[i] = before(slots, runs[i].slot, runs[i].start + runs[i].count - 1, rules->begin);
        choose_all(logits, run_count, rules, places, choice, NULL, caches->threads);
        for (int i = 0, run = 0; i < live && run < run_count; i++) {
            int slot = slots->live[i];
            if (slot != runs[run].slot) continue;
            slots->tokens[(long)slot * slots->length + slots->known[slot] + step] = choice[run];
            if (choice[run++] == rules->eot) slots->offered[i] = step + 1;
        }
    }
    free(runs), free(places), free(tokens);
}

/* y = x W^T + b of one layer, all rows. */
void linear_forward(const Linear *layer, const float *x, int rows, float *out, int threads) {
    long most = desk_rows(rows, threads);
    float *scales = malloc(sizeof(float) * most);
    uint16_t *narrow = malloc(sizeof(uint16_t) * most * layer->inputs);
    Desk desk = {NULL, scales, narrow, threads};
#pragma omp parallel num_threads(threads) if (threads > 1)
    linear(layer, NULL, x, rows, out, 0, &desk);
    free(scales), free(narrow);
}

/* Whether this processor has products of its own of bfloat16 and of 8-bit numbers. */
int has_bf16(void) {
#if defined(__AVX512BF16__)
    return 1;
#else
    return 0;
#endif
}

int has_i8(void) {
#if defined(__AVX512VNNI__)
    return 1;
#else
    return 0;
#endif
}
