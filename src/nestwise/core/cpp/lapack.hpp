// BLAS and LAPACK through the capsules that SciPy exports, so that nothing is linked at build time.
#pragma once

namespace nw {

struct Lapack {
    void (*dpotrf)(char* uplo, int* n, double* a, int* lda, int* info);
    void (*dpotri)(char* uplo, int* n, double* a, int* lda, int* info);
    void (*dtrtri)(char* uplo, char* diag, int* n, double* a, int* lda, int* info);
    void (*dlauum)(char* uplo, int* n, double* a, int* lda, int* info);
    void (*dtrmm)(char* side, char* uplo, char* transa, char* diag, int* m, int* n, double* alpha,
                  double* a, int* lda, double* b, int* ldb);
    void (*dtrsm)(char* side, char* uplo, char* transa, char* diag, int* m, int* n, double* alpha,
                  double* a, int* lda, double* b, int* ldb);
    void (*dsyrk)(char* uplo, char* trans, int* n, int* k, double* alpha, double* a, int* lda,
                  double* beta, double* c, int* ldc);
    void (*dgemm)(char* transa, char* transb, int* m, int* n, int* k, double* alpha, double* a,
                  int* lda, double* b, int* ldb, double* beta, double* c, int* ldc);
};

// The function table; filled once by `load_lapack` when the module is imported.
Lapack& lapack();

// Fill the table from scipy.linalg.cython_lapack and cython_blas; throws a Python error.
void load_lapack();

}  // namespace nw
