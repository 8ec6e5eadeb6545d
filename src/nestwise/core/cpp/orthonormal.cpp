#include "orthonormal.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lapack.hpp"

namespace nw {

namespace {

using Values = std::vector<double>;
using std::size_t;

// Rows at a time: they stay in the cache, and the library starts no threads on so few.
constexpr size_t CHUNK = 256;

// Products of rows and squared columns from which Cholesky factors are faster than Gram-Schmidt.
constexpr double MUCH = 1e5;

// Share of a column's square that must be left after those before it for Cholesky factors to do.
constexpr double CLEAR = 1e-8;

// The same for one factor to do: what it leaves of Q'Q - I is rounding error over this.
constexpr double VERY_CLEAR = 1e-3;

double dot(const double* a, const double* b, size_t n) {
    double s[4] = {};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t l = 0; l < 4; ++l) s[l] += a[i + l] * b[i + l];
    for (; i < n; ++i) s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

// Column j of Q, orthogonal to those before it; fills column j of R.
void orthogonalise(double* Q, size_t n, int j, int p, double* R) {
    double* q = Q + static_cast<size_t>(j) * n;
    for (int turn = 0; turn < 2; ++turn)
        for (int i = 0; i < j; ++i) {
            const double* other = Q + static_cast<size_t>(i) * n;
            const double by = dot(other, q, n);
            R[i * p + j] += by;
            for (size_t r = 0; r < n; ++r) q[r] -= by * other[r];
        }
    const double length = std::sqrt(dot(q, q, n));
    R[j * p + j] = length;
    for (size_t r = 0; r < n; ++r) q[r] /= length;
}

void gram_schmidt(const double* X, size_t n, int p, LeastSquares& out) {
    Values Q(X, X + n * static_cast<size_t>(p));
    out.R.assign(static_cast<size_t>(p) * p, 0.0);
    for (int j = 0; j < p; ++j) orthogonalise(Q.data(), n, j, p, out.R.data());
    for (int j = 0; j < p; ++j)
        for (size_t r = 0; r < n; ++r) out.Q[r * p + j] = Q[static_cast<size_t>(j) * n + r];
}

// Rows of X, column-major, as rows one after the other.
void turned(const double* X, size_t n, int p, size_t start, size_t rows, double* out) {
    for (int j = 0; j < p; ++j)
        for (size_t r = 0; r < rows; ++r) out[r * p + j] = X[static_cast<size_t>(j) * n + start + r];
}

// Add rows'rows to the upper triangle, row-major, of G; rows (count, p) one after the other.
void add_squares(double* rows, size_t count, int p, double* G) {
    char lower = 'L', plain = 'N';
    int k = static_cast<int>(count);
    double one = 1.0;
    lapack().dsyrk(&lower, &plain, &p, &k, &one, rows, &p, &one, G, &p);
}

// rows <- rows R^-1, R upper triangular and row-major.
void divide(double* rows, size_t count, int p, double* R) {
    char left = 'L', lower = 'L', plain = 'N';
    int k = static_cast<int>(count);
    double one = 1.0;
    lapack().dtrsm(&left, &lower, &plain, &plain, &p, &k, &one, R, &p, rows, &p);
}

// Upper triangular R with R'R = G, in place; the least share of a column's square that those before it
// leave, and none where that is too little.
double factor(Values& G, int p) {
    double least = 1.0;
    for (int j = 0; j < p; ++j) {
        double* row = &G[static_cast<size_t>(j) * p];
        const double whole = row[j];
        for (int l = 0; l < j; ++l) {
            const double* before = &G[static_cast<size_t>(l) * p];
            for (int i = j; i < p; ++i) row[i] -= before[j] * before[i];
        }
        if (!(row[j] > CLEAR * whole)) return 0.0;
        least = std::min(least, row[j] / whole);
        const double root = std::sqrt(row[j]);
        for (int i = j; i < p; ++i) row[i] /= root;
        for (int i = 0; i < j; ++i) row[i] = 0.0;
    }
    return least;
}

// Cholesky factors: Q = X R1^-1, and again Q R2^-1 unless the columns are far apart.
bool cholesky_factors(const double* X, size_t n, int p, LeastSquares& out) {
    const size_t width = static_cast<size_t>(p);
    Values first(width * width, 0.0), second(first), part(CHUNK * width);
    for (size_t start = 0; start < n; start += CHUNK) {
        const size_t rows = std::min(CHUNK, n - start);
        turned(X, n, p, start, rows, part.data());
        add_squares(part.data(), rows, p, first.data());
    }
    const double least = factor(first, p);
    if (!(least > 0.0)) return false;
    for (size_t start = 0; start < n; start += CHUNK) {
        const size_t rows = std::min(CHUNK, n - start);
        double* own = &out.Q[start * width];
        turned(X, n, p, start, rows, own);
        divide(own, rows, p, first.data());
        if (least <= VERY_CLEAR) add_squares(own, rows, p, second.data());
    }
    if (least > VERY_CLEAR) {
        out.R = std::move(first);
        return true;
    }
    if (!(factor(second, p) > 0.0)) return false;
    for (size_t start = 0; start < n; start += CHUNK)
        divide(&out.Q[start * width], std::min(CHUNK, n - start), p, second.data());
    out.R.assign(width * width, 0.0);
    for (int i = 0; i < p; ++i)
        for (int l = i; l < p; ++l)
            for (int j = l; j < p; ++j) out.R[i * p + j] += second[i * p + l] * first[l * p + j];
    return true;
}

}  // namespace

LeastSquares least_squares(const double* X, const double* y, size_t n, int p) {
    LeastSquares out;
    const size_t width = static_cast<size_t>(p);
    out.Q.resize(n * width);
    out.beta.assign(width, 0.0);
    out.residuals.assign(y, y + n);
    const bool much = static_cast<double>(n) * p * p > MUCH;
    if (!much || !cholesky_factors(X, n, p, out)) gram_schmidt(X, n, p, out);
    for (size_t r = 0; r < n; ++r)
        for (size_t j = 0; j < width; ++j) out.beta[j] += out.Q[r * width + j] * y[r];
    for (int i = p; i-- > 0;) {
        for (int l = i + 1; l < p; ++l) out.beta[i] -= out.R[i * p + l] * out.beta[l];
        out.beta[i] /= out.R[i * p + i];
    }
    for (size_t start = 0; start < n; start += CHUNK)
        for (size_t j = 0; j < width; ++j)
            for (size_t r = start; r < std::min(n, start + CHUNK); ++r)
                out.residuals[r] -= out.beta[j] * X[j * n + r];
    return out;
}

}  // namespace nw
