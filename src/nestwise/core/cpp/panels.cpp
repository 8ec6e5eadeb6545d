#include "panels.hpp"

#include <algorithm>
#include <cstdint>

#include "interrupt.hpp"
#include "lapack.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

// Up to this order LAPACK's own call takes a tenth of a second.
constexpr int at_once = 1500;

int panel_width(int n) { return n <= 12000 ? 256 : 128; }

char* text(const char* s) { return const_cast<char*>(s); }

// L^-1 in place of L, from the last panel to the first.
void triangular_inverse(double* A, int n, int ld) {
    const int width = panel_width(n);
    double one = 1.0, minus = -1.0;
    for (int j = (n - 1) / width * width; j >= 0; j -= width) {
        listen();
        int b = std::min(width, n - j), rest = n - j - b, info = 0;
        double* diagonal = A + static_cast<i64>(j) * ld + j;
        double* below = diagonal + b;
        double* after = A + static_cast<i64>(j + b) * ld + j + b;
        if (rest > 0) {
            lapack().dtrmm(text("L"), text("L"), text("N"), text("N"), &rest, &b, &one, after, &ld, below, &ld);
            lapack().dtrsm(text("R"), text("L"), text("N"), text("N"), &rest, &b, &minus, diagonal, &ld, below, &ld);
        }
        lapack().dtrtri(text("L"), text("N"), &b, diagonal, &ld, &info);
    }
}

// L'L in place of L, from the first panel to the last.
void transposed_product(double* A, int n, int ld) {
    const int width = panel_width(n);
    double one = 1.0;
    for (int i = 0; i < n; i += width) {
        listen();
        int b = std::min(width, n - i), before = i, rest = n - i - b, info = 0;
        double* diagonal = A + static_cast<i64>(i) * ld + i;
        double* row = A + i;
        lapack().dtrmm(text("L"), text("L"), text("T"), text("N"), &b, &before, &one, diagonal, &ld, row, &ld);
        lapack().dlauum(text("L"), &b, diagonal, &ld, &info);
        if (rest == 0) continue;
        double* below = diagonal + b;
        if (before > 0)
            lapack().dgemm(text("T"), text("N"), &b, &before, &rest, &one, below, &ld, row + b, &ld, &one, row, &ld);
        lapack().dsyrk(text("L"), text("T"), &b, &rest, &one, below, &ld, &one, diagonal, &ld);
    }
}

}  // namespace

bool cholesky_in_panels(double* A, int n, int ld) {
    int info = 0;
    if (n <= at_once) {
        lapack().dpotrf(text("L"), &n, A, &ld, &info);
        return info == 0;
    }
    const int width = panel_width(n);
    double one = 1.0, minus = -1.0;
    for (int j = 0; j < n; j += width) {
        listen();
        int b = std::min(width, n - j), rest = n - j - b;
        double* diagonal = A + static_cast<i64>(j) * ld + j;
        lapack().dpotrf(text("L"), &b, diagonal, &ld, &info);
        if (info != 0) return false;
        if (rest == 0) break;
        double* below = diagonal + b;
        double* after = A + static_cast<i64>(j + b) * ld + j + b;
        lapack().dtrsm(text("R"), text("L"), text("T"), text("N"), &rest, &b, &one, diagonal, &ld, below, &ld);
        lapack().dsyrk(text("L"), text("N"), &rest, &b, &minus, below, &ld, &one, after, &ld);
    }
    return true;
}

void inverse_in_panels(double* A, int n, int ld) {
    int info = 0;
    if (n <= at_once) {
        lapack().dpotri(text("L"), &n, A, &ld, &info);
        return;
    }
    triangular_inverse(A, n, ld);
    transposed_product(A, n, ld);
}

}  // namespace nw
