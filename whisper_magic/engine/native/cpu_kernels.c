/* Native CPU kernels: a Whisper decoder's pass over a few rows, a round of speculation around it, and attention over many
 * keys, each in one call.
 *
 * `build.py` compiles this file on the machine that runs it; `bindings.py` declares every struct and argument. Nothing
 * here allocates what outlives a call, or knows a checkpoint. The rounds compute what `draft_step` and `verify_step` of
 * runtime/torch_backend.py compute for slots that do not sample. Functions that allocate, or take token ids, return a
 * status: OK, NO_MEMORY or BAD_TOKEN.
 *
 * One kernel computes every product: R rows (at most 8) times a tile of 32 outputs, each output one chain of fused
 * multiply-adds over the inputs in order. A row's result depends on the row alone: not on the rows beside it, on how
 * many there are, or on the number of threads. A batch therefore writes, bit for bit, what each window writes alone.
 *
 * Tiles. A weight (outputs, inputs) is held as [outputs / 32][inputs][32], zeros behind the last output; in bfloat16 as
 * [outputs / 32][inputs / 2][32][2], as the processor's dot product wants pairs; in 8 bits, [inputs / 4][32][4]. Cross
 * keys (frames, head_dim) are such a weight with frames for outputs; cross values, one with frames for inputs.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX2__) || defined(__F16C__)
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

enum { OK, NO_MEMORY, BAD_TOKEN }; /* as in bindings.py */
enum { F32, F16, BF16, I8 };
static const int BYTES[] = {4, 2, 2, 1};
enum { TILE = 32, ROWS = 8, MAX_DIM = 256 };

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
    Linear output;           /* of every token, or of a shortlist */
    int32_t layer_count, width, heads, context, vocab, embedding_type, cache_type;
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
#elif defined(__AVX2__)
    v16 c;
    for (int half = 0; half < 64; half += 32) {
        __m256 x, y;
        memcpy(&x, (char *)&a + half, 32), memcpy(&y, (char *)&b + half, 32);
        x = _mm256_max_ps(x, y), memcpy((char *)&c + half, &x, 32);
    }
    return c;
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

/* e^x within some units in the last place; below -87 it stays at what -87 gives. V: a vector of numbers, I: of whole ones.
 * 1.5 * 2^23 is added: what is added to it is rounded to a whole number. 2^f, f from -0.5 to 0.5: Chebyshev's fit. */
#define EXPONENTIAL(NAME, V, I, LARGER)                                     \
    INLINE V NAME(V x) {                                                    \
        const V magic = (V){0} + 12582912.0f;                               \
        x = LARGER(x, (V){0} - 87.0f);                                      \
        V t = x * 1.44269504f + magic, f = x * 1.44269504f - (t - magic);   \
        V p = (V){0} + 1.546973198e-04f;                                    \
        p = p * f + 1.340043217e-03f;                                       \
        p = p * f + 9.618025603e-03f;                                       \
        p = p * f + 5.550327214e-02f;                                       \
        p = p * f + 2.402265121e-01f;                                       \
        p = p * f + 6.931472067e-01f;                                       \
        p = p * f + 1.000000000e+00f;                                       \
        return (V)((I)p + ((I)t << 23));                                    \
    }
#if defined(__AVX2__) && !defined(__AVX512F__)
typedef float v8 __attribute__((vector_size(32))); /* what the registers hold: compilers keep a v16 in memory */
typedef int32_t i8 __attribute__((vector_size(32)));
INLINE v8 larger8(v8 a, v8 b) { return (v8)_mm256_max_ps((__m256)a, (__m256)b); }
EXPONENTIAL(exp8, v8, i8, larger8)
typedef float v8u __attribute__((vector_size(32), aligned(4), may_alias));
enum { LANES = 8 };
#define VEC v8
#define VECU v8u
#define LARGER larger8
#define EXP exp8
INLINE v16 exp16(v16 x) {
    v8 low, high;
    memcpy(&low, &x, 32), memcpy(&high, (char *)&x + 32, 32);
    low = exp8(low), high = exp8(high);
    memcpy(&x, &low, 32), memcpy((char *)&x + 32, &high, 32);
    return x;
}
#else
EXPONENTIAL(exp16, v16, i16, larger)
enum { LANES = 16 };
#define VEC v16
#define VECU v16u
#define LARGER larger
#define EXP exp16
#endif

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

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__) && !defined(__AVX512F__)
INLINE __m256 weight8(int type, const void *w, long at) {
    if (type == F16) return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)w + at)));
    return _mm256_loadu_ps((const float *)w + at);
}

/* `product` of rows `from` to `from + R` - 1 with halves `half` to `half + G` - 1. There are 16 registers of 8 numbers: up
 * to 12 hold sums (2 R G of them), two a half of a tile, one a row's number. */
INLINE void product_avx2(int R, int G, int type, const float *x, long ldx, const void *w, long stride, int inputs, int from,
                         int half, v16 sums[ROWS][ROWS]) {
    __m256 low[6][4], high[6][4];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int g = 0; g < G; g++) low[r][g] = high[r][g] = _mm256_setzero_ps();
    for (int k = 0; k < inputs; k++) {
#pragma GCC unroll 4
        for (int g = 0; g < G; g++) {
            long at = (half + g) / 2 * stride + (long)k * TILE + (half + g) % 2 * 16;
            if (from == 0 && g % 2 == 0) ask_for((const char *)w + at * BYTES[type], G > 1 ? TILE * BYTES[type] : LINE);
            __m256 first = weight8(type, w, at), second = weight8(type, w, at + 8);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++) {
                __m256 one = _mm256_broadcast_ss(x + (from + r) * ldx + k);
                low[r][g] = _mm256_fmadd_ps(one, first, low[r][g]);
                high[r][g] = _mm256_fmadd_ps(one, second, high[r][g]);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int g = 0; g < G; g++) {
            memcpy(&sums[from + r][half + g], &low[r][g], 32);
            memcpy((char *)&sums[from + r][half + g] + 32, &high[r][g], 32);
        }
}
#define AVX2_KERNEL
#endif

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
#if defined(AVX2_KERNEL)
    if (R <= 2) { /* few rows: more halves at once, for enough independent sums in flight */
        int together = R == 1 ? 4 : 2;
        for (int g = 0; g < G; g += together)
            if (G - g >= together) product_avx2(R, together, type, rows, ldx, w, stride, inputs, 0, g, sums);
            else product_avx2(R, 2, type, rows, ldx, w, stride, inputs, 0, g, sums);
        return;
    }
    int upper = R > 6 ? 4 : R;
#pragma GCC unroll 2
    for (int g = 0; g < G; g++) {
        product_avx2(upper, 1, type, rows, ldx, w, stride, inputs, 0, g, sums);
        if (R > upper) product_avx2(R - upper, 1, type, rows, ldx, w, stride, inputs, upper, g, sums);
    }
    return;
#endif
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

/* Epilogue of a product: (sum - shift) * scale * the row's scale, + bias, GELU, + what `out` holds. NULL: sums as they
 * are. */
typedef struct {
    const float *shift, *scale, *row_scale, *bias;
    int gelu, add;
} Epilogue;

static __attribute__((noinline)) void store_output(v16 y, float *out, int remaining, long at, const Epilogue *epilogue, int row) {
    float y16[16];
    if (remaining >= 16) {
        if (epilogue->scale) y = (y - load(epilogue->shift + at)) * load(epilogue->scale + at) * epilogue->row_scale[row];
        if (epilogue->bias) y += load(epilogue->bias + at);
        if (epilogue->gelu) y = gelu16(y);
        if (epilogue->add) y += load(out + at);
        store(out + at, y);
        return;
    }
    store(y16, y);
    for (int i = 0; i < remaining; i++) {
        float a = y16[i];
        if (epilogue->scale) a = (a - epilogue->shift[at + i]) * epilogue->scale[at + i] * epilogue->row_scale[row];
        if (epilogue->bias) a += epilogue->bias[at + i];
        if (epilogue->gelu) a = gelu16(splat(a))[0];
        out[at + i] = epilogue->add ? out[at + i] + a : a;
    }
}

INLINE void rows_by_tiles(int R, int G, int type, const void *x, long ldx, const void *w, long stride, int inputs,
                          float *out, long ldo, int outputs, long first, const Epilogue *epilogue) {
    v16 sums[ROWS][ROWS]; /* a fixed size, which the compiler keeps in registers */
    product(R, G, type, x, ldx, w, stride, inputs, sums);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int g = 0; g < G; g++) {
            long at = first + 16 * g;
            if (!epilogue) store(out + r * ldo + at, sums[r][g]);
            else if (at < outputs) store_output(sums[r][g], out + r * ldo, outputs - (int)at, at, epilogue, r);
        }
}

#define CASE(R, G, TYPE) \
    case R: rows_by_tiles(R, G, TYPE, x, ldx, w, stride, inputs, out, ldo, outputs, first, epilogue); return
#define KERNEL(NAME, TYPE)                                                                                       \
    static void NAME(int rows, int tiles, const void *x, long ldx, const void *w, long stride, int inputs,       \
                     float *out, long ldo, int outputs, long first, const Epilogue *epilogue) {                      \
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
typedef void (*Kernel)(int, int, const void *, long, const void *, long, int, float *, long, int, long, const Epilogue *);
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

/* How many tiles are multiplied at a time: with few rows more tiles, to keep enough independent sums in flight. */
static int tiles_at_once(int rows) { return rows <= 2 ? 2 : 1; }

/* Tiles `first` to `last` - 1 of a weight times all rows. wide: a tile in float32, where rows are many and weights F16. */
static void multiply(int type, const void *x, long ldx, int rows, const void *weight, int inputs, float *out, long ldo,
                     int outputs, int first, int last, const Epilogue *epilogue, float *wide) {
    long stride = (long)inputs * TILE, bytes = BYTES[type], row_bytes = ldx * (type == F16 ? 4 : bytes);
    int together = tiles_at_once(rows);
    for (int tile = first; tile < last; tile += together) {
        if (tile + together > last) together = 1;
        const void *w = (const char *)weight + tile * stride * bytes;
        int kind = type;
        if (rows > ROWS && type == F16) { /* the same numbers, converted once for all rows */
            for (long i = 0; i < stride; i += 16) store(wide + i, load_f16((const uint16_t *)w + i));
            w = wide, kind = F32;
        }
        for (int r = 0; r < rows; r += ROWS) {
            Epilogue some = epilogue ? *epilogue : (Epilogue){0};
            if (some.row_scale) some.row_scale += r;
            KERNELS[kind](rows - r < ROWS ? rows - r : ROWS, together, (const char *)x + r * row_bytes, ldx, w, stride,
                          inputs, out + r * ldo, ldo, outputs, (long)tile * TILE, epilogue ? &some : NULL);
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

/* Workspace of products: rows after their norm, and in 16 or 8 bits with their scales. It holds all rows; where they are few,
 * a copy for each thread, because preparing every row in each thread is quicker than a barrier. wide: a tile in float32
 * for each thread, where rows are many and weights F16; else NULL. */
typedef struct {
    float *normed, *scales, *wide;
    uint16_t *narrow;
    int threads;
} Workspace;

/* The rows that a workspace holds, for products of up to `rows` rows. */
static long workspace_rows(int rows, int threads) { return rows > threads * ROWS ? rows : threads * ROWS; }

static void prepare_row(const Linear *layer, const Norm *norm, const float *x, long r, const Workspace *work) {
    int inputs = layer->inputs;
    const float *row = x + r * inputs;
    if (norm) layer_norm(norm, row, work->normed + r * inputs, inputs), row = work->normed + r * inputs;
    if (layer->type == BF16) to_pairs(row, inputs, work->narrow + r * inputs);
    if (layer->type == I8) work->scales[r] = to_bytes(row, inputs, (uint8_t *)work->narrow + r * inputs);
}

/* y = norm(x) W^T + b for all rows; norm: or NULL. Called by all threads of a team at once, like what follows: they share
 * the work, and leave together. */
static void linear(const Linear *layer, const Norm *norm, const float *x, int rows, float *out, int add, const Workspace *shared) {
    int tiles = (layer->outputs + TILE - 1) / TILE, inputs = layer->inputs, type = layer->type;
    int together = tiles_at_once(rows), threads = shared->threads, share = (tiles + threads - 1) / threads;
    Workspace own = *shared, *work = &own;
    if (rows <= ROWS) {
        long mine = (long)omp_get_thread_num() * rows;
        own.normed += mine * inputs, own.narrow += mine * inputs, own.scales += mine;
        for (int r = 0; r < rows; r++) prepare_row(layer, norm, x, r, work);
    } else if (norm || type == BF16 || type == I8) {
#pragma omp for schedule(static)
        for (int r = 0; r < rows; r++) prepare_row(layer, norm, x, r, work);
    }
    Epilogue epilogue = {layer->shift, layer->scale, type == I8 ? work->scales : NULL, layer->bias, layer->gelu, add};
    const void *from = type == BF16 || type == I8 ? (const void *)work->narrow : norm ? work->normed : x;
    share = (share + together - 1) / together * together;
#pragma omp for schedule(static, 1)
    for (int part = 0; part < threads; part++) {
        int first = part * share, last = first + share < tiles ? first + share : tiles;
        if (first >= last) continue;
        float *wide = shared->wide ? shared->wide + (long)omp_get_thread_num() * inputs * TILE : NULL;
        multiply(type, from, inputs, rows, layer->weight, inputs, out, layer->outputs, layer->outputs, first, last, &epilogue,
                 wide);
    }
}

/* ---- attention ---- */

static int padded(int frames) { return (frames + TILE - 1) / TILE * TILE; }

/* Up to 8 rows of one head over `frames` keys and values in tiles, in three steps that several threads may share. scores:
 * (8, padded frames), and behind them the same in bfloat16. sums: (8,). */
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
    int dim = one->dim, width = padded(one->frames);
    float scaled[ROWS * MAX_DIM];
    uint16_t narrow[ROWS * MAX_DIM];
    for (int r = 0; r < one->rows; r++) {
        for (int d = 0; d < dim; d += 16) store(scaled + r * dim + d, load(one->q + r * one->ldq + d) * one->scale);
        if (one->type == BF16) to_pairs(scaled + r * dim, dim, narrow + r * dim);
    }
    const void *x = one->type == BF16 ? (const void *)narrow : scaled;
    multiply(one->type, x, dim, one->rows, one->keys, dim, one->scores, width, width, first, last, NULL, NULL);
}

static void exponentiate(const Attention *one, int r) { /* a row's softmax, without the division by its sum */
    int frames = one->frames, width = padded(frames);
    float *row = one->scores + (long)r * width;
    for (int f = frames; f < width; f++) row[f] = -INFINITY;
    VEC most = (VEC){0} - INFINITY, sum = (VEC){0};
    for (int f = 0; f < width; f += LANES) most = LARGER(*(const VECU *)(row + f), most);
    float top = most[0];
    for (int i = 1; i < LANES; i++) top = most[i] > top ? most[i] : top;
    for (int f = 0; f < width; f += LANES) {
        VEC e = EXP(*(const VECU *)(row + f) - top);
        *(VECU *)(row + f) = e;
        sum += e;
    }
    one->sums[r] = 0.0f;
    for (int i = 0; i < LANES; i++) one->sums[r] += sum[i];
    for (int f = frames; f < width; f++) one->sums[r] -= row[f], row[f] = 0.0f;
    if (one->type == BF16) to_pairs(row, width, weights_of(one) + (long)r * width);
}

static void weigh_values(const Attention *one, int first, int last) { /* these tiles of the weighted values */
    int width = padded(one->frames);
    const void *x = one->type == BF16 ? (const void *)weights_of(one) : one->scores;
    multiply(one->type, x, width, one->rows, one->values, width, one->out, one->ldo, one->dim, first, last, NULL, NULL);
    for (int r = 0; r < one->rows; r++)
        for (int i = first * TILE; i < last * TILE; i += 16) {
            float *at = one->out + r * one->ldo + i;
            store(at, load(at) / one->sums[r]);
        }
}

static void attend(const Attention *one) {
    score(one, 0, padded(one->frames) / TILE);
    for (int r = 0; r < one->rows; r++) exponentiate(one, r);
    weigh_values(one, 0, one->dim / TILE);
}

/* Keys and values (frames, dim) of one head into tiles, zeros behind the last frame. ld: bytes from one frame to the next. */
static void pack_head(const char *keys, const char *values, long ld, int frames, int dim, int type, char *k, char *v) {
    int width = padded(frames), words = dim * BYTES[type] / 4; /* a pair of bfloat16 numbers is one word */
    for (int f = 0; f < width; f++) {
        uint32_t *out = (uint32_t *)k + (long)f / TILE * TILE * words + f % TILE;
        const uint32_t *row = (const uint32_t *)(keys + f * ld);
        for (int d = 0; d < words; d++) out[d * TILE] = f < frames ? row[d] : 0;
    }
    for (int tile = 0; tile < dim; tile += TILE, v += (long)width * TILE * BYTES[type])
        for (int f = 0; f < width; f++) {
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

/* Cross-attention keys and values of decoder layers, into their tiles. keys, values: (layers, frames, heads * dim), with so many bytes from
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
int attend_all(const void *q, const void *k, const void *v, long ld, int frames, int heads, int dim, int type,
               float scale, void *out, int threads) {
    int bytes = BYTES[type], blocks = (frames + ROWS - 1) / ROWS;
    long size = (long)padded(frames) * dim * bytes, ldo = (long)heads * dim;
    char *key_tiles = malloc((size_t)(2 * heads * size)), *value_tiles = key_tiles + heads * size;
    float *all_scores = malloc(sizeof(float) * scores_size(frames) * threads);
    if (!key_tiles || !all_scores) return free(key_tiles), free(all_scores), NO_MEMORY;
    pack_heads(k, v, 0, ld * bytes, 1, heads, frames, dim, type, key_tiles, value_tiles, 0, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        float *scores = all_scores + omp_get_thread_num() * scores_size(frames), sums[ROWS];
        float rows[ROWS * MAX_DIM], attended[ROWS * MAX_DIM];
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
            one.q = rows, one.ldq = dim, one.out = attended, one.ldo = dim;
            attend(&one);
            for (int r = 0; r < count; r++) to_pairs(attended + r * dim, dim, (uint16_t *)out + to + r * ldo);
        }
    }
    free(key_tiles), free(all_scores);
    return OK;
}

/* One row of one head over the keys and values of positions 0 to `count` - 1 of its own text. */
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

/* Consecutive tokens of one slot: rows `row` to `row + count - 1` of a pass, at positions `start` and on. */
typedef struct {
    int32_t slot, start, row, count;
} Span;

typedef struct {
    const Decoder *net;
    const Caches *caches;
    const int64_t *tokens; /* (rows,) */
    const Span **span_of;    /* of each row */
    int rows, separate;    /* separate: each thread attends alone, to jobs of its own */
    float *scores;         /* of each thread: self_size(length) + scores_size(frames) where separate */
} Pass;

static long self_size(int length) { return length + 16; } /* floats */

INLINE int position_of(const Pass *pass, int row) { return pass->span_of[row]->start + row - pass->span_of[row]->row; }

/* Offset of a head's keys (part 0) or values (part 1) in a cache that holds `size` elements a head. */
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
        long to = head_at(pass, layer, part, pass->span_of[row]->slot, h, (long)length * dim) + (long)position_of(pass, row) * dim;
        if (type == BF16) to_pairs(from, dim, (uint16_t *)kv + to);
        else memcpy((float *)kv + to, from, sizeof(float) * dim);
    }
    float *scores = pass->scores + omp_get_thread_num() * (self_size(length) + scores_size(pass->caches->frames));
#pragma omp for schedule(static)
    for (int job = 0; job < pass->rows * heads; job++) {
        int row = job / heads, h = job % heads, slot = pass->span_of[row]->slot;
        long keys = head_at(pass, layer, 0, slot, h, (long)length * dim) * BYTES[type];
        long values = head_at(pass, layer, 1, slot, h, (long)length * dim) * BYTES[type];
        attend_text(qkv + (long)row * 3 * width + h * dim, kv + keys, kv + values, position_of(pass, row) + 1, dim, type,
                    1.0f / sqrtf((float)dim), scores, out + (long)row * width + h * dim);
    }
}

/* A job is up to 8 rows of one span and one head. Where there are few jobs, the threads share each of them, step by step. */
static void cross_attention(const Pass *pass, const Attention *jobs, int count, long layer_bytes) {
    int threads = pass->caches->threads, frames = pass->caches->frames, tiles = padded(frames) / TILE;
    int dims = jobs->dim / TILE, share = (tiles + threads - 1) / threads;
    if (pass->separate) {
        long self = self_size(pass->caches->length);
        float *scores = pass->scores + omp_get_thread_num() * (self + scores_size(frames)) + self, sums[ROWS];
#pragma omp for schedule(static)
        for (int job = 0; job < count; job++) {
            Attention one = jobs[job];
            one.keys = (const char *)one.keys + layer_bytes, one.values = (const char *)one.values + layer_bytes;
            one.scores = scores, one.sums = sums;
            attend(&one);
        }
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
        if (row % ROWS < jobs[row / ROWS].rows) exponentiate(jobs + row / ROWS, row % ROWS);
#pragma omp for schedule(static)
    for (int part = 0; part < count * dims; part++) {
        Attention one = jobs[part / dims];
        one.values = (const char *)one.values + layer_bytes;
        weigh_values(&one, part % dims, part % dims + 1);
    }
}

static void embed(const Pass *pass, float *x) {
    const Decoder *net = pass->net;
    int width = net->width, type = net->embedding_type;
#pragma omp for schedule(static)
    for (int row = 0; row < pass->rows; row++) {
        long token = pass->tokens[row], at = position_of(pass, row); /* rows past the context are computed, and never used */
        const float *position = net->positions + (at < net->context ? at : net->context - 1) * width;
        for (int i = 0; i < width; i += 16) {
            long from = token * width + i;
            v16 one = type == BF16 ? load_bf16((const uint16_t *)net->embedding + from) : weight16(type, net->embedding, from);
            store(x + (long)row * width + i, one * net->embed_scale + load(position + i));
        }
    }
}

/* Buffers of a pass, in two allocations. NULL in `floats` or `span_of`: there was no memory. */
typedef struct {
    float *floats, *x, *attended, *inner, *scores, *job_scores;
    const Span **span_of;
    Attention *jobs;
    Workspace work;
} Buffers;

static Buffers allocate(const Decoder *net, const Caches *caches, int rows, int jobs, int separate) {
    int width = net->width, inner = 3 * width, threads = caches->threads;
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].fc1.outputs > inner) inner = net->layers[i].fc1.outputs;
    long most = workspace_rows(rows, threads), wide = rows > ROWS ? (long)threads * inner * TILE : 0;
    long own = self_size(caches->length) + scores_size(caches->frames);
    long shared = separate ? 0 : jobs * (scores_size(caches->frames) + ROWS);
    Buffers b = {0};
    b.floats = malloc(sizeof(float) * (rows * (2L * width + inner) + most * (width + 1L + inner) + wide + threads * own + shared));
    b.span_of = malloc(sizeof(Span *) * rows + sizeof(Attention) * jobs);
    if (!b.floats || !b.span_of) return b;
    b.x = b.floats, b.attended = b.x + (long)rows * width, b.inner = b.attended + (long)rows * width;
    b.work.normed = b.inner + (long)rows * inner, b.work.scales = b.work.normed + most * width;
    b.work.narrow = (uint16_t *)(b.work.scales + most), b.work.threads = threads;
    float *next = b.work.scales + most + most * inner;
    b.work.wide = wide ? next : NULL;
    b.scores = next + wide, b.job_scores = b.scores + threads * own;
    b.jobs = (Attention *)(b.span_of + rows);
    return b;
}

/* Feed the spans' tokens, `tokens` (rows,). logits: (rows, vocab); with only_last, those after each span's last, (spans, vocab). */
static int forward(const Decoder *net, const Caches *caches, const int64_t *tokens, const Span *spans, int span_count,
                   int only_last, float *logits) {
    int rows = spans[span_count - 1].row + spans[span_count - 1].count, width = net->width, heads = net->heads;
    int dim = width / heads, threads = caches->threads, frames = caches->frames, jobs = 0, count = 0;
    for (int row = 0; row < rows; row++)
        if (tokens[row] < 0 || tokens[row] >= net->vocab) return BAD_TOKEN;
    for (int i = 0; i < span_count; i++) jobs += heads * ((spans[i].count + ROWS - 1) / ROWS);
    int separate = threads == 1 || jobs >= 4 * threads;
    Buffers b = allocate(net, caches, rows, jobs, separate);
    if (!b.floats || !b.span_of) return free(b.floats), free(b.span_of), NO_MEMORY;
    long size = (long)padded(frames) * dim * BYTES[net->cache_type], part = (long)caches->slots * heads * size;
    for (const Span *span = spans; span < spans + span_count; span++) {
        for (int i = 0; i < span->count; i++) b.span_of[span->row + i] = span;
        for (int h = 0; h < heads; h++)
            for (int first = 0; first < span->count; first += ROWS, count++) {
                long at = (long)(span->row + first) * width + h * dim;
                const char *keys = (const char *)caches->cross + (span->slot * heads + h) * size;
                int some = span->count - first < ROWS ? span->count - first : ROWS;
                float *scores = separate ? NULL : b.job_scores + count * (scores_size(frames) + ROWS);
                b.jobs[count] = (Attention){b.inner + at, width, keys, keys + part, scores, scores ? scores + scores_size(frames) : NULL,
                                            b.attended + at, width, some, frames, dim, net->cache_type, 1.0f / sqrtf((float)dim)};
            }
    }
    Pass pass = {net, caches, tokens, b.span_of, rows, separate, b.scores};
    const float *last = only_last ? b.attended : b.x;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        embed(&pass, b.x);
        for (int i = 0; i < net->layer_count; i++) {
            const Layer *layer = net->layers + i;
            linear(&layer->qkv, &layer->self_norm, b.x, rows, b.inner, 0, &b.work);
            self_attention(&pass, i, b.inner, b.attended);
            linear(&layer->self_out, NULL, b.attended, rows, b.x, 1, &b.work);
            linear(&layer->cross_q, &layer->cross_norm, b.x, rows, b.inner, 0, &b.work);
            cross_attention(&pass, b.jobs, count, 2 * part * i);
            linear(&layer->cross_out, NULL, b.attended, rows, b.x, 1, &b.work);
            linear(&layer->fc1, &layer->ffn_norm, b.x, rows, b.inner, 0, &b.work);
            linear(&layer->fc2, NULL, b.inner, rows, b.x, 1, &b.work);
        }
        if (only_last) {
#pragma omp for schedule(static)
            for (int i = 0; i < span_count; i++)
                memcpy(b.attended + (long)i * width, b.x + (long)(spans[i].row + spans[i].count - 1) * width, sizeof(float) * width);
        }
        linear(&net->output, &net->final_norm, last, only_last ? span_count : rows, logits, 0, &b.work);
    }
    free(b.floats), free(b.span_of);
    return OK;
}

/* A pass over as many tokens of each active slot. tokens: (active, block); start, slot: (active,); logits: (active, block,
 * vocab). */
int decoder_forward(const Decoder *net, const Caches *caches, const int64_t *tokens, const int64_t *start,
                    const int64_t *slot, int active, int block, float *logits) {
    Span *spans = malloc(sizeof(Span) * active);
    if (!spans) return NO_MEMORY;
    for (int i = 0; i < active; i++) spans[i] = (Span){(int)slot[i], (int)start[i], i * block, block};
    int status = forward(net, caches, tokens, spans, active, 0, logits);
    free(spans);
    return status;
}

/* ---- the logit rules ---- */

/* The rules over `vocab` scores, as tables that sample/rules.py makes and explains. states: (12,). logit_mask: (states, vocab), 0
 * or -infinity. min_step: (states,). ids: the token of each score, ascending; NULL where score i is token i. languages:
 * (language_count,) their tokens. begin: the first score of a timestamp, `vocab` where there are none; stamp: its token. */
typedef struct {
    const int64_t *states;
    const float *logit_mask;
    const int64_t *min_step, *ids, *languages;
    int32_t vocab, begin, stamp, eot, no_speech, language_count, max_generated;
} Processor;

/* What precedes a row: how many tokens were generated, the two last ones, and the latest timestamp or -1. */
typedef struct {
    int64_t index, last, before_last, latest;
} Context;

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

static void choose_row(const float *logits, const Processor *processor, Context context, float *scores, int64_t *choice,
                       float *logprob) {
    int64_t index = context.index < 0 ? 0 : context.index, stamp_token = processor->stamp;
    int64_t generated = index < processor->max_generated ? index : processor->max_generated;
    int64_t state = processor->states[4 * generated + 2 * (context.last >= stamp_token) + (context.before_last >= stamp_token)];
    const float *mask = processor->logit_mask + state * processor->vocab;
    int vocab = processor->vocab, begin = processor->begin, i = 0;
    for (; i + 16 <= vocab; i += 16) store(scores + i, load(logits + i) + load(mask + i));
    for (; i < vocab; i++) scores[i] = logits[i] + mask[i];
    int64_t least = context.latest < 0 ? begin : begin + context.latest - stamp_token + processor->min_step[state];
    for (i = begin; i < vocab && i < least; i++) scores[i] = -INFINITY;
    float text = largest(scores, 0, begin), stamp = largest(scores, begin, vocab);
    float mass = log_sum(scores, begin, vocab, stamp), all = mass;
    int from = mass > text ? begin : 0;
    float most = from == begin || stamp > text ? stamp : text;
    if (!from && logprob) {
        float words = log_sum(scores, 0, begin, text), high = words > mass ? words : mass;
        all = high == -INFINITY ? high : high + logf(expf(words - high) + expf(mass - high));
    }
    for (i = from; i < vocab - 1 && scores[i] != most; i++);
    *choice = processor->ids ? processor->ids[i] : i;
    if (logprob) *logprob = most - all;
}

/* The likeliest token that the rules allow in each row, and its log-probability (NULL: not wanted). */
static int choose_all(const float *logits, int rows, const Processor *processor, const Context *contexts, int64_t *choice,
                      float *logprob, int threads) {
    float *all_scores = malloc(sizeof(float) * processor->vocab * threads);
    if (!all_scores) return NO_MEMORY;
#pragma omp parallel for num_threads(threads) if (threads > 1 && rows > 1) schedule(static)
    for (int row = 0; row < rows; row++) {
        float *scores = all_scores + (long)omp_get_thread_num() * processor->vocab;
        choose_row(logits + (long)row * processor->vocab, processor, contexts[row], scores, choice + row,
                   logprob ? logprob + row : NULL);
    }
    free(all_scores);
    return OK;
}

/* The same with the contexts of the rows in four arrays, (rows,). */
int choose_rows(const float *logits, int rows, const Processor *processor, const int64_t *index, const int64_t *last,
                const int64_t *before_last, const int64_t *latest, int64_t *choice, float *logprob, int threads) {
    Context *contexts = malloc(sizeof(Context) * rows);
    if (!contexts) return NO_MEMORY;
    for (int row = 0; row < rows; row++) contexts[row] = (Context){index[row], last[row], before_last[row], latest[row]};
    int status = choose_all(logits, rows, processor, contexts, choice, logprob, threads);
    free(contexts);
    return status;
}

/* ---- a round ---- */

/* The slots as slots.py has them: (slots,) each, but tokens (slots, length) and round_output (slots, ROUND_FIELDS + 3 width),
 * all 0. active: the slots that hold a window; of each of them, `num_drafted` tokens are proposed, and the draft has cached
 * `draft_cached`. */
typedef struct {
    int64_t *tokens, *num_tokens, *num_cached, *round_output;
    const int64_t *num_prompt, *sot_index, *max_tokens;
    const int32_t *active, *draft_cached;
    int32_t *num_drafted;
    int32_t active_count, length, width;
} Slots;
enum { ROUND_FIELDS = 7 };

static Context context_after(const Slots *slots, int slot, int64_t at, int stamps) { /* of the row after this position */
    const int64_t *text = slots->tokens + (long)slot * slots->length;
    int64_t begin = slots->num_prompt[slot];
    Context context = {at + 1 - begin, text[at], text[at > 0 ? at - 1 : 0], -1};
    for (int64_t i = begin; i <= at; i++)
        if (text[i] >= stamps && text[i] > context.latest) context.latest = text[i];
    return context;
}

/* Append a span of a slot's tokens from `start` on. */
static void add_span(const Slots *slots, int slot, int64_t start, int count, Span *spans, int *span_count, int64_t *tokens) {
    int row = *span_count ? spans[*span_count - 1].row + spans[*span_count - 1].count : 0;
    spans[(*span_count)++] = (Span){slot, (int)start, row, count};
    memcpy(tokens + row, slots->tokens + (long)slot * slots->length + start, sizeof(int64_t) * count);
}

static int64_t bits(float a) {
    int32_t whole;
    memcpy(&whole, &a, 4);
    return whole;
}

/* What follows start-of-transcript: P(no speech), the likeliest language and its probability among the languages. */
static void read_start(const float *after, const Processor *processor, int64_t *output) {
    float most = largest(after, 0, processor->vocab), sum = 0.0f;
    output[4] = bits(expf(after[processor->no_speech] - log_sum(after, 0, processor->vocab, most)));
    int best = 0, count = processor->language_count;
    const int64_t *languages = processor->languages;
    if (!count) return;
    for (int i = 1; i < count; i++)
        if (after[languages[i]] > after[languages[best]]) best = i;
    for (int i = 0; i < count; i++) sum += expf(after[languages[i]] - after[languages[best]]);
    output[5] = languages[best], output[6] = bits(1.0f / sum);
}

/* Accept and write one active slot's part of a round: rows `logits`, `choice` and `logprob` of its span. */
static void write_slot(Slots *slots, const Processor *processor, const Span *span, int drafted, const float *logits,
                       const int64_t *choice, const float *logprob, int starting) {
    int slot = span->slot, width = slots->width, accepted = 0, count = 0;
    int64_t num_tokens = slots->num_tokens[slot], uncached = num_tokens - slots->num_cached[slot];
    int64_t sot_row = slots->sot_index[slot] - span->start, remaining = slots->max_tokens[slot] - num_tokens;
    int64_t *output = slots->round_output + (long)slot * (ROUND_FIELDS + 3 * width);
    int64_t *text = slots->tokens + (long)slot * slots->length + num_tokens;
    if (starting && 0 <= sot_row && sot_row < span->count)
        read_start(logits + sot_row * processor->vocab, processor, output);
    if (uncached > width) { /* more of the prompt is to be prefilled */
        slots->num_cached[slot] += width;
        return;
    }
    choice += uncached - 1, logprob += uncached - 1;
    while (accepted < drafted && text[accepted] == choice[accepted]) accepted++;
    while (count < accepted && choice[count] != processor->eot) count++;
    count++;
    if (count > remaining) count = (int)remaining;
    output[0] = 1, output[1] = accepted, output[2] = count;
    output[3] = choice[count - 1] == processor->eot || count >= remaining;
    memcpy(output + ROUND_FIELDS, text, sizeof(int64_t) * drafted);
    for (int j = 0; j < count; j++) {
        output[ROUND_FIELDS + width + j] = text[j] = choice[j];
        output[ROUND_FIELDS + 2 * width + j] = bits(logprob[j]);
    }
    slots->num_tokens[slot] = num_tokens + count, slots->num_cached[slot] = num_tokens + count - 1;
}

/* The target's half of a round: feed what is certain and what is proposed, choose, accept, write. Only rows that are used are
 * computed. logits: (active, width, vocab). starting: whether what follows start-of-transcript is wanted. */
int verify_round(const Decoder *net, const Caches *caches, const Processor *processor, Slots *slots, int starting,
                 float *logits) {
    int active = slots->active_count, width = slots->width, most = active * width, span_count = 0, status = NO_MEMORY;
    Span *spans = malloc(sizeof(Span) * active);
    int64_t *tokens = malloc(sizeof(int64_t) * 2 * most), *choice = tokens + most;
    Context *contexts = malloc(sizeof(Context) * most);
    float *logprob = malloc(sizeof(float) * most);
    if (spans && tokens && contexts && logprob) {
        for (int i = 0; i < active; i++) {
            int slot = slots->active[i];
            int64_t rows = slots->num_tokens[slot] - slots->num_cached[slot] + slots->num_drafted[i];
            add_span(slots, slot, slots->num_cached[slot], (int)(rows < width ? rows : width), spans, &span_count, tokens);
        }
        status = forward(net, caches, tokens, spans, active, 0, logits);
        for (int i = 0; i < active; i++)
            for (int j = 0; j < spans[i].count; j++)
                contexts[spans[i].row + j] = context_after(slots, spans[i].slot, spans[i].start + j, processor->stamp);
        int rows = spans[active - 1].row + spans[active - 1].count;
        if (!status) status = choose_all(logits, rows, processor, contexts, choice, logprob, caches->threads);
        for (int i = 0; !status && i < active; i++) {
            int row = spans[i].row;
            write_slot(slots, processor, spans + i, slots->num_drafted[i], logits + (long)row * processor->vocab, choice + row,
                       logprob + row, starting);
        }
    }
    free(spans), free(tokens), free(contexts), free(logprob);
    return status;
}

/* The draft's half: feed what it has not cached of each slot, and write up to num_drafted[i] guesses behind the certain tokens
 * of active slot i, fewer where a text ends; `num_drafted` becomes how many. logits: (active, vocab). */
int draft_round(const Decoder *net, const Caches *caches, const Processor *processor, Slots *slots, float *logits) {
    int active = slots->active_count, most = 0, rows = 0, status = NO_MEMORY;
    for (int i = 0; i < active; i++) {
        if (slots->num_drafted[i] > most) most = slots->num_drafted[i];
        rows += (int)slots->num_tokens[slots->active[i]] - slots->draft_cached[i];
    }
    Span *spans = malloc(sizeof(Span) * active);
    Context *contexts = malloc(sizeof(Context) * active);
    int64_t *tokens = malloc(sizeof(int64_t) * (rows + active)), *choice = tokens + rows;
    if (spans && contexts && tokens) status = OK;
    for (int step = 0; !status && step < most; step++) {
        int span_count = 0;
        for (int i = 0; i < active; i++) {
            int slot = slots->active[i];
            int64_t num_tokens = slots->num_tokens[slot], start = step ? num_tokens + step - 1 : slots->draft_cached[i];
            if (step < slots->num_drafted[i])
                add_span(slots, slot, start, (int)(num_tokens + step - start), spans, &span_count, tokens);
        }
        if (!span_count) break;
        status = forward(net, caches, tokens, spans, span_count, 1, logits);
        for (int i = 0; i < span_count; i++)
            contexts[i] = context_after(slots, spans[i].slot, spans[i].start + spans[i].count - 1, processor->stamp);
        if (!status) status = choose_all(logits, span_count, processor, contexts, choice, NULL, caches->threads);
        for (int i = 0, span = 0; !status && i < active && span < span_count; i++) {
            int slot = slots->active[i];
            if (slot != spans[span].slot) continue;
            slots->tokens[(long)slot * slots->length + slots->num_tokens[slot] + step] = choice[span];
            if (choice[span++] == processor->eot) slots->num_drafted[i] = step + 1;
        }
    }
    free(spans), free(contexts), free(tokens);
    return status;
}

/* y = x W^T + b of one layer, all rows. */
int linear_forward(const Linear *layer, const float *x, int rows, float *out, int threads) {
    long most = workspace_rows(rows, threads), wide = rows > ROWS ? (long)threads * layer->inputs * TILE : 0;
    float *scales = malloc(sizeof(float) * (most + wide) + sizeof(uint16_t) * most * layer->inputs);
    if (!scales) return NO_MEMORY;
    Workspace work = {NULL, scales, wide ? scales + most : NULL, (uint16_t *)(scales + most + wide), threads};
#pragma omp parallel num_threads(threads) if (threads > 1)
    linear(layer, NULL, x, rows, out, 0, &work);
    free(scales);
    return OK;
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
