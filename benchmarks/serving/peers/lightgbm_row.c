/* Time one row per call of a model in LightGBM's own C library: lightgbm_row LIBRARY MODEL ROWS COLUMNS
 * ROWS is a file of little-endian doubles. Prints µs per row of each round. */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 5, DOUBLES = 1, NORMAL = 0, ROW_BYTES = 8 };

/* LightGBM's public C interface, as far as used. */
typedef int (*create_t)(const char *file, int *iterations, void **booster);
typedef int (*prepare_t)(void *booster, int kind, int start, int iterations, int type, int32_t columns,
                         const char *parameters, void **fast);
typedef int (*predict_t)(void *fast, const void *row, int64_t *length, double *out);

static void *find(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (!found) {
    fprintf(stderr, "%s is missing\n", name);
    exit(1);
  }
  return found;
}

static double *read_rows(const char *path, long *doubles) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) exit(1);
  *doubles = ftell(file) / ROW_BYTES;
  rewind(file);
  double *rows = malloc(*doubles * ROW_BYTES);
  if (!rows || fread(rows, ROW_BYTES, *doubles, file) != (size_t)*doubles) exit(1);
  fclose(file);
  return rows;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  void *library = dlopen(words[1], RTLD_NOW), *booster, *fast;
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  create_t create = (create_t)find(library, "LGBM_BoosterCreateFromModelfile");
  prepare_t prepare = (prepare_t)find(library, "LGBM_BoosterPredictForMatSingleRowFastInit");
  predict_t predict = (predict_t)find(library, "LGBM_BoosterPredictForMatSingleRowFast");
  long doubles, columns = atol(words[4]);
  double *rows = read_rows(words[3], &doubles), out = 0, sum = 0;
  int iterations;
  int64_t length;
  if (create(words[2], &iterations, &booster)) return 1;
  if (prepare(booster, NORMAL, 0, -1, DOUBLES, (int32_t)columns, "num_threads=1", &fast)) return 1;
  for (int round = 0; round < ROUNDS; round++) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long at = 0; at < doubles; at += columns) {
      if (predict(fast, rows + at, &length, &out)) return 1;
      sum += out;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) * 1e-9;
    printf("%.3f µs\n", seconds * 1e6 / (doubles / columns));
  }
  return sum < 0; /* keeps the predictions alive */
}
