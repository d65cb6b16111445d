/* A Whisper decoder's pass over a few rows, and attention over many keys, for CPUs: one call instead of hundreds.
 *
 * Compiled for the machine at hand by `native/__init__.py`, which says what every argument is. Nothing here allocates
 * what outlives a call, knows a checkpoint, or decides anything: tokens, positions and caches in, logits out.
 *
 * One kernel does every product: R rows (at most 8) times a tile of 32 outputs, each output one chain of fused
 * multiply-adds over the inputs in order. What a row becomes depends on nothing but the row: not on the rows beside
 * it, not on how many there are, not on the number of threads. A batch therefore writes, to the last bit, what each
 * window writes alone.
 *
 * Tiles. A weight (outputs, inputs) is held as [outputs / 32][inputs][32], zeros behind the last output; in bfloat16 as
 * [outputs / 32][inputs / 2][32][2], as the processor's dot product wants pairs; in 8 bits, [inputs / 4][32][4]. Cross keys (frames, head_dim) are such
 * a weight with frames for outputs; cross values, one with frames for inputs.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));
typedef float v16u __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t h16u __attribute__((vector_size(32), aligned(2), may_alias));
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

/* Rows in 8 bits: each scaled by its own largest number, and 128 for nothing. scale: (rows,). */
static void to_bytes(const float *x, int rows, int inputs, uint8_t *out, float *scale) {
    for (int r = 0; r < rows; r++, x += inputs, out += inputs) {
        float most = 1e-30f;
        for (int k = 0; k < inputs; k++) most = fabsf(x[k]) > most ? fabsf(x[k]) : most;
        scale[r] = most / 127.0f;
        for (int k = 0; k < inputs; k++) out[k] = (uint8_t)(int)(x[k] * (127.0f / most) + 128.5f);
    }
}

/* Rows in bfloat16. inputs: a multiple of 16. */
static void to_pairs(const float *x, long ldx, int rows, int inputs, uint16_t *out, long ldo) {
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < inputs; k += 16)
#if defined(__AVX512BF16__)
            _mm256_storeu_si256((__m256i *)(out + r * ldo + k), (__m256i)_mm512_cvtneps_pbh((__m512)load(x + r * ldx + k)));
#else
            for (int i = k; i < k + 16; i++) out[r * ldo + i] = to_bf16(x[r * ldx + i]);
#endif
}

/* Tiles `first` to `last` - 1 of a weight times all rows. wide: room for a tile in float32, where rows are many. */
static void multiply(int type, const void *x, long ldx, int rows, const void *weight, int inputs, float *out, long ldo,
                     int outputs, int first, int last, const Finish *finish, float *wide) {
    long stride = (long)inputs * TILE, bytes = BYTES[type], row_bytes = ldx * (type == F16 ? 4 : bytes);
    int together = rows <= 2 ? 2 : 1; /* so that enough sums are under way at once */
    for (int tile = first; tile < last; tile += together) {
        while (tile + together > last) together /= 2;
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

static void linear(const Linear *layer, const float *x, int rows, float *out, int add, int threads) {
    int tiles = (layer->outputs + TILE - 1) / TILE, share = ((tiles + threads - 1) / threads + 3) / 4 * 4;
    int inputs = layer->inputs, type = layer->type;
    Finish finish = {layer->shift, layer->scale, NULL, layer->bias, layer->gelu, add};
    const void *from = x;
    void *narrow = NULL;
    if (type == BF16) {
        from = narrow = malloc(sizeof(uint16_t) * rows * inputs);
        to_pairs(x, inputs, rows, inputs, narrow, inputs);
    } else if (type == I8) {
        float *scale = narrow = malloc((sizeof(float) + inputs) * rows);
        to_bytes(x, rows, inputs, (uint8_t *)(scale + rows), scale);
        from = scale + rows, finish.row_scale = scale;
    }
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (int part = 0; part < threads; part++) {
        int first = part * share, last = first + share < tiles ? first + share : tiles;
        if (first >= last) continue;
        float *wide = rows > ROWS ? malloc(sizeof(float) * inputs * TILE) : NULL;
        multiply(type, from, inputs, rows, layer->weight, inputs, out, layer->outputs, layer->outputs, first, last, &finish,
                 wide);
        free(wide);
    }
    free(narrow);
}

static void layer_norm(const Norm *norm, const float *x, float *out, int rows, int width) {
    for (int r = 0; r < rows; r++, x += width, out += width) {
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
}

/* ---- attention ---- */

static int padded(int frames) { return (frames + TILE - 1) / TILE * TILE; }

/* Up to 8 rows of one head over `frames` keys and values in tiles. q: (rows, ldq); out: (rows, ldo). scores: room for 8
 * rows of padded frames, and as much again in bfloat16. */
static void attend_tiles(const float *q, long ldq, int rows, const void *keys, const void *values, int frames, int dim,
                         int type, float scale, float *scores, float *out, long ldo) {
    int room = padded(frames);
    float scaled[ROWS * MOST_DIM], sums[ROWS];
    uint16_t *weights = (uint16_t *)(scores + ROWS * room);
    const void *x = scaled;
    for (int r = 0; r < rows; r++)
        for (int d = 0; d < dim; d++) scaled[r * dim + d] = q[r * ldq + d] * scale;
    if (type == BF16) to_pairs(scaled, dim, rows, dim, weights, dim), x = weights;
    multiply(type, x, dim, rows, keys, dim, scores, room, room, 0, room / TILE, NULL, NULL);
    for (int r = 0; r < rows; r++) {
        float *row = scores + r * room;
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
        sums[r] = sum16(sum);
        for (int f = frames; f < room; f++) sums[r] -= row[f], row[f] = 0.0f;
    }
    x = scores;
    if (type == BF16) to_pairs(scores, room, rows, room, weights, room), x = weights;
    multiply(type, x, room, rows, values, room, out, ldo, dim, 0, dim / TILE, NULL, NULL);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < dim; i++) out[r * ldo + i] /= sums[r];
}

/* Keys and values (frames, dim) of one head into tiles. ld: elements from one frame to the next; pair: 2 in bfloat16. */
#define PACK(NAME, T)                                                                                                \
    static void NAME(const T *keys, const T *values, long ld, int frames, int dim, T *k, T *v, int pair) {           \
        int room = padded(frames);                                                                                   \
        for (int tile = 0; tile < room; tile += TILE, k += TILE * dim)                                               \
            for (int d = 0; d < dim; d += pair)                                                                      \
                for (int f = 0; f < TILE; f++)                                                                       \
                    for (int p = 0; p < pair; p++)                                                                   \
                        k[d * TILE + f * pair + p] = tile + f < frames ? keys[(tile + f) * ld + d + p] : 0;          \
        for (int tile = 0; tile < dim; tile += TILE, v += room * TILE)                                               \
            for (int f = 0; f < room; f += pair)                                                                     \
                for (int d = 0; d < TILE; d++)                                                                       \
                    for (int p = 0; p < pair; p++)                                                                   \
                        v[f * TILE + d * pair + p] = f + p < frames ? values[(f + p) * ld + tile + d] : 0;           \
    }
PACK(pack_f32, float)
PACK(pack_bf16, uint16_t)

static void pack_head(const void *keys, const void *values, long ld, int frames, int dim, int type, void *k, void *v) {
    if (type == BF16) pack_bf16(keys, values, ld, frames, dim, k, v, 2);
    else pack_f32(keys, values, ld, frames, dim, k, v, 1);
}

/* The heads of one layer into tiles. keys, values: (frames, heads * dim), `ld` elements from one frame to the next.
 * key_tiles, value_tiles: [heads][padded frames * dim]. */
void pack_heads(const void *keys, const void *values, long ld, int heads, int frames, int dim, int type,
                void *key_tiles, void *value_tiles, int threads) {
    long size = (long)padded(frames) * dim * BYTES[type], head = (long)dim * BYTES[type];
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
    for (int h = 0; h < heads; h++)
        pack_head((const char *)keys + h * head, (const char *)values + h * head, ld, frames, dim, type,
                  (char *)key_tiles + h * size, (char *)value_tiles + h * size);
}

/* softmax(q k^T * scale) v for every head, as an encoder wants it: q, k, v (frames, ld) with head h at column h * dim;
 * out (frames, heads * dim), all of `type` (float32 or bfloat16). */
void attend_all(const void *q, const void *k, const void *v, long ld, int frames, int heads, int dim, int type,
                float scale, void *out, int threads) {
    int bytes = BYTES[type];
    long size = (long)padded(frames) * dim * bytes, ldo = (long)heads * dim;
    char *key_tiles = malloc((size_t)(2 * heads * size)), *value_tiles = key_tiles + heads * size;
    pack_heads(k, v, ld, heads, frames, dim, type, key_tiles, value_tiles, threads);
    int blocks = (frames + ROWS - 1) / ROWS;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        float *scores = malloc(sizeof(float) * ROWS * padded(frames) * 2);
        float rows[ROWS * MOST_DIM], found[ROWS * MOST_DIM];
#pragma omp for schedule(static)
        for (int job = 0; job < heads * blocks; job++) {
            int h = job / blocks, first = job % blocks * ROWS, count = frames - first < ROWS ? frames - first : ROWS;
            const char *keys = key_tiles + h * size, *values = value_tiles + h * size;
            if (type == F32) {
                attend_tiles((const float *)q + first * ld + (long)h * dim, ld, count, keys, values, frames, dim, type,
                             scale, scores, (float *)out + first * ldo + (long)h * dim, ldo);
                continue;
            }
            for (int r = 0; r < count; r++)
                for (int d = 0; d < dim; d++)
                    rows[r * dim + d] = from_bf16(((const uint16_t *)q)[(first + r) * ld + (long)h * dim + d]);
            attend_tiles(rows, dim, count, keys, values, frames, dim, type, scale, scores, found, dim);
            to_pairs(found, dim, count, dim, (uint16_t *)out + first * ldo + (long)h * dim, ldo);
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

/* A pass. tokens, start: of the live slots, (live, block) and (live,). slot: which cache each of them has.
 * self_kv: (layers, 2, slots, heads, length, dim); cross: the same with tiles for (length, dim). logits: (live, block, vocab). */
typedef struct {
    const int64_t *tokens, *start, *slot;
    void *self_kv;
    const void *cross;
    float *logits;
    int32_t live, block, slots, length, frames, threads;
} Pass;

INLINE void write_cache(const Decoder *net, const Pass *pass, int layer, const float *qkv, long size) {
    int width = net->width, dim = width / net->heads;
    for (int row = 0; row < pass->live * pass->block; row++) {
        int slot = (int)pass->slot[row / pass->block];
        long at = pass->start[row / pass->block] + row % pass->block;
        for (int part = 0; part < 2; part++)
            for (int h = 0; h < net->heads; h++) {
                const float *from = qkv + (long)row * 3 * width + (part + 1) * width + h * dim;
                long to = (((long)(2 * layer + part) * pass->slots + slot) * net->heads + h) * size + at * dim;
                if (net->cache_type == BF16) to_pairs(from, 0, 1, dim, (uint16_t *)pass->self_kv + to, 0);
                else memcpy((float *)pass->self_kv + to, from, sizeof(float) * dim);
            }
    }
}

static void self_attention(const Decoder *net, const Pass *pass, int layer, const float *qkv, float *out) {
    int width = net->width, dim = width / net->heads, bytes = BYTES[net->cache_type], rows = pass->live * pass->block;
    long size = (long)pass->length * dim;
    write_cache(net, pass, layer, qkv, size);
#pragma omp parallel num_threads(pass->threads) if (pass->threads > 1)
    {
        float *scores = malloc(sizeof(float) * (pass->length + 16));
#pragma omp for schedule(static)
        for (int job = 0; job < rows * net->heads; job++) {
            int row = job / net->heads, h = job % net->heads, slot = (int)pass->slot[row / pass->block];
            int at = (int)pass->start[row / pass->block] + row % pass->block;
            long keys = (((long)(2 * layer) * pass->slots + slot) * net->heads + h) * size;
            long values = keys + (long)pass->slots * net->heads * size;
            attend_text(qkv + (long)row * 3 * width + h * dim, (char *)pass->self_kv + keys * bytes,
                        (char *)pass->self_kv + values * bytes, at + 1, dim, net->cache_type, 1.0f / sqrtf((float)dim),
                        scores, out + (long)row * width + h * dim);
        }
        free(scores);
    }
}

static void cross_attention(const Decoder *net, const Pass *pass, int layer, const float *q, float *out) {
    int width = net->width, dim = width / net->heads;
    long size = (long)padded(pass->frames) * dim * BYTES[net->cache_type];
    int blocks = (pass->block + ROWS - 1) / ROWS;
#pragma omp parallel num_threads(pass->threads) if (pass->threads > 1)
    {
        float *scores = malloc(sizeof(float) * ROWS * padded(pass->frames) * 2);
#pragma omp for schedule(static)
        for (int job = 0; job < pass->live * net->heads * blocks; job++) {
            int one = job / (net->heads * blocks), h = job / blocks % net->heads, first = job % blocks * ROWS;
            int count = pass->block - first < ROWS ? pass->block - first : ROWS;
            long head = ((long)(2 * layer) * pass->slots + pass->slot[one]) * net->heads + h;
            long at = ((long)one * pass->block + first) * width + h * dim;
            const char *keys = (const char *)pass->cross + head * size;
            const char *values = keys + (long)pass->slots * net->heads * size;
            attend_tiles(q + at, width, count, keys, values, pass->frames, dim, net->cache_type,
                         1.0f / sqrtf((float)dim), scores, out + at, width);
        }
        free(scores);
    }
}

static void embed(const Decoder *net, const Pass *pass, float *x) {
    int width = net->width;
    for (int row = 0; row < pass->live * pass->block; row++) {
        long token = pass->tokens[row], at = pass->start[row / pass->block] + row % pass->block;
        const float *place = net->positions + (at < net->context ? at : net->context - 1) * width;
        for (int i = 0; i < width; i += 16) {
            long from = token * width + i;
            v16 one = net->embedding_type == BF16 ? load_bf16((const uint16_t *)net->embedding + from)
                                                  : weight16(net->embedding_type, net->embedding, from);
            store(x + (long)row * width + i, one * net->embed_scale + load(place + i));
        }
    }
}

void decoder_forward(const Decoder *net, const Pass *pass) {
    int width = net->width, rows = pass->live * pass->block, inner = 3 * width, threads = pass->threads;
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].fc1.outputs > inner) inner = net->layers[i].fc1.outputs;
    float *x = malloc(sizeof(float) * rows * (3 * (long)width + inner));
    float *normed = x + (long)rows * width, *heard = normed + (long)rows * width, *wide = heard + (long)rows * width;
    embed(net, pass, x);
    for (int i = 0; i < net->layer_count; i++) {
        const Layer *layer = net->layers + i;
        layer_norm(&layer->self_norm, x, normed, rows, width);
        linear(&layer->qkv, normed, rows, wide, 0, threads);
        self_attention(net, pass, i, wide, heard);
        linear(&layer->self_out, heard, rows, x, 1, threads);
        layer_norm(&layer->cross_norm, x, normed, rows, width);
        linear(&layer->cross_q, normed, rows, wide, 0, threads);
        cross_attention(net, pass, i, wide, heard);
        linear(&layer->cross_out, heard, rows, x, 1, threads);
        layer_norm(&layer->ffn_norm, x, normed, rows, width);
        linear(&layer->fc1, normed, rows, wide, 0, threads);
        linear(&layer->fc2, wide, rows, x, 1, threads);
    }
    layer_norm(&net->final_norm, x, normed, rows, width);
    linear(&net->output, normed, rows, pass->logits, 0, threads);
    free(x);
}

/* ---- what is written next ---- */

enum { FIRST, AFTER_TEXT, AFTER_STAMP, AFTER_PAIR }; /* as in rules.py, which says what the rules are */

/* What the rules are told: forbidden (4, vocab), 0 or -infinity; begin: the first timestamp, `vocab` where there are none.
 * Of each row: how many tokens were generated before it, the two last ones, and the latest timestamp or -1. */
typedef struct {
    const float *forbidden;
    const int64_t *index, *last, *before_last, *latest;
    int32_t vocab, begin;
} Told;

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

static void choose_row(const float *logits, const Told *told, int row, float *scores, int64_t *choice, float *logprob) {
    int vocab = told->vocab, begin = told->begin, i = 0, state = told->index[row] == 0 ? FIRST : AFTER_TEXT;
    if (state != FIRST && told->last[row] >= begin)
        state = told->index[row] < 2 || told->before_last[row] >= begin ? AFTER_PAIR : AFTER_STAMP;
    const float *forbidden = told->forbidden + (long)state * vocab;
    for (; i + 16 <= vocab; i += 16) store(scores + i, load(logits + i) + load(forbidden + i));
    for (; i < vocab; i++) scores[i] = logits[i] + forbidden[i];
    if (told->latest[row] >= 0)
        for (i = begin; i < vocab && i < told->latest[row] + (state != AFTER_STAMP); i++) scores[i] = -INFINITY;
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

/* The likeliest token that the rules leave in each row, and its log-probability (where that is wanted, else NULL). */
void choose_rows(const float *logits, int rows, const Told *told, int64_t *choice, float *logprob, int threads) {
#pragma omp parallel num_threads(threads) if (threads > 1 && rows > 1)
    {
        float *scores = malloc(sizeof(float) * told->vocab);
#pragma omp for schedule(static)
        for (int row = 0; row < rows; row++)
            choose_row(logits + (long)row * told->vocab, told, row, scores, choice + row, logprob ? logprob + row : NULL);
        free(scores);
    }
}

/* y = x W^T + b of one layer, all rows. */
void linear_forward(const Linear *layer, const float *x, int rows, float *out, int threads) {
    linear(layer, x, rows, out, 0, threads);
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
