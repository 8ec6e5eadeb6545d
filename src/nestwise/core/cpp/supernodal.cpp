#include "supernodal.hpp"

#include <algorithm>

#include "lapack.hpp"
#include "panels.hpp"

namespace nw {

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;

char* text(const char* s) { return const_cast<char*>(s); }

// Calls f(t, begin, end): rows begin .. end of the list R below supernode s are columns of t.
template <class F>
void by_ancestor(const Supernodes& sn, const i32* R, i64 nr, F&& f) {
    for (i64 begin = 0; begin < nr;) {
        const i32 t = sn.of_column[R[begin]];
        i64 end = begin + 1;
        while (end < nr && R[end] < sn.first[t + 1]) ++end;
        f(t, begin, end);
        begin = end;
    }
}

// Positions of R[from..nr) in the row list of supernode t, which contains them.
void relative_rows(const Supernodes& sn, i32 t, const i32* R, i64 from, i64 nr, std::vector<i64>& out) {
    const i32* rows = sn.row.data() + sn.row_start[t];
    i64 at = 0;
    out.resize(static_cast<size_t>(nr));
    for (i64 i = from; i < nr; ++i) {
        while (rows[at] != R[i]) ++at;
        out[i] = at;
    }
}

}  // namespace

bool factorise_sparse(const Supernodes& sn, double* values, std::vector<double>& scratch) {
    std::vector<i64> to;
    for (int s = 0; s < sn.size(); ++s) {
        int nc = sn.first[s + 1] - sn.first[s], ld = static_cast<int>(sn.rows_of(s));
        int nr = ld - nc;
        double* block = values + sn.value_start[s];
        double one = 1.0, zero = 0.0;
        if (!cholesky_in_panels(block, nc, ld)) return false;
        if (nr == 0) continue;
        lapack().dtrsm(text("R"), text("L"), text("T"), text("N"), &nr, &nc, &one, block, &ld,
                       block + nc, &ld);
        scratch.resize(static_cast<size_t>(nr) * static_cast<size_t>(nr));
        lapack().dsyrk(text("L"), text("N"), &nr, &nc, &one, block + nc, &ld, &zero, scratch.data(), &nr);
        const i32* R = sn.row.data() + sn.row_start[s] + nc;
        by_ancestor(sn, R, nr, [&](i32 t, i64 begin, i64 end) {
            relative_rows(sn, t, R, begin, nr, to);
            const i64 ldt = sn.rows_of(t);
            for (i64 c = begin; c < end; ++c) {
                double* column = values + sn.value_start[t] + (R[c] - sn.first[t]) * ldt;
                const double* update = scratch.data() + c * nr;
                for (i64 r = c; r < nr; ++r) column[to[r]] -= update[r];
            }
        });
    }
    return true;
}

void forward_sparse(const Supernodes& sn, const double* L, double* X, int m, int upto) {
    for (int s = 0; s < sn.size() && sn.first[s] < upto; ++s) {
        const i64 nc = sn.first[s + 1] - sn.first[s], ld = sn.rows_of(s);
        const i32* row = sn.row.data() + sn.row_start[s];
        for (i64 c = 0; c < nc; ++c) {
            const double* column = L + sn.value_start[s] + c * ld;
            double* x = X + static_cast<i64>(row[c]) * m;
            for (int j = 0; j < m; ++j) x[j] /= column[c];
            for (i64 r = c + 1; r < ld && row[r] < upto; ++r) {
                double* y = X + static_cast<i64>(row[r]) * m;
                for (int j = 0; j < m; ++j) y[j] -= column[r] * x[j];
            }
        }
    }
}

void backward_sparse(const Supernodes& sn, const double* L, double* X, int m, int upto) {
    for (int s = sn.size() - 1; s >= 0; --s) {
        const i64 nc = sn.first[s + 1] - sn.first[s], ld = sn.rows_of(s);
        const i32* row = sn.row.data() + sn.row_start[s];
        if (sn.first[s] >= upto) continue;
        for (i64 c = nc - 1; c >= 0; --c) {
            const double* column = L + sn.value_start[s] + c * ld;
            double* x = X + static_cast<i64>(row[c]) * m;
            for (i64 r = c + 1; r < ld && row[r] < upto; ++r) {
                const double* y = X + static_cast<i64>(row[r]) * m;
                for (int j = 0; j < m; ++j) x[j] -= column[r] * y[j];
            }
            for (int j = 0; j < m; ++j) x[j] /= column[c];
        }
    }
}

void invert_sparse(const Supernodes& sn, const double* L, bool with_border, double* C,
                   std::vector<double>& scratch) {
    const i32 upto = with_border ? sn.n : sn.n - sn.border;
    std::vector<i64> at;
    std::vector<double> Y;
    for (int s = sn.size() - 1; s >= 0; --s) {
        int nc = sn.first[s + 1] - sn.first[s], ld = static_cast<int>(sn.rows_of(s));
        if (sn.first[s] >= upto) continue;
        int nr = ld - nc - (with_border || sn.border == 0 ? 0 : sn.border);
        const i32* R = sn.row.data() + sn.row_start[s] + nc;
        double* block = C + sn.value_start[s];
        const double* factor = L + sn.value_start[s];
        std::copy(factor, factor + static_cast<i64>(nc) * ld, block);
        inverse_in_panels(block, nc, ld);  // L_JJ^-T L_JJ^-1
        if (nr == 0) continue;
        // Y = L_RJ L_JJ^-1.
        Y.resize(static_cast<size_t>(nr) * static_cast<size_t>(nc));
        for (i64 c = 0; c < nc; ++c) std::copy_n(factor + c * ld + nc, nr, Y.data() + c * nr);
        double one = 1.0, minus = -1.0, zero = 0.0;
        lapack().dtrsm(text("R"), text("L"), text("N"), text("N"), &nr, &nc, &one,
                       const_cast<double*>(factor), &ld, Y.data(), &nr);
        // C_RR is on the pattern of the ancestors.
        scratch.resize(static_cast<size_t>(nr) * static_cast<size_t>(nr));
        by_ancestor(sn, R, nr, [&](i32 t, i64 begin, i64 end) {
            relative_rows(sn, t, R, begin, nr, at);
            const i64 ldt = sn.rows_of(t);
            for (i64 c = begin; c < end; ++c) {
                const double* column = C + sn.value_start[t] + (R[c] - sn.first[t]) * ldt;
                for (i64 r = c; r < nr; ++r)
                    scratch[c * nr + r] = scratch[r * nr + c] = column[at[r]];
            }
        });
        // C_RJ = -C_RR Y, C_JJ += Y' C_RR Y = -Y' C_RJ.
        lapack().dgemm(text("N"), text("N"), &nr, &nc, &nr, &minus, scratch.data(), &nr, Y.data(), &nr,
                       &zero, block + nc, &ld);
        std::vector<double> add(static_cast<size_t>(nc) * static_cast<size_t>(nc));
        lapack().dgemm(text("T"), text("N"), &nc, &nc, &nr, &minus, Y.data(), &nr, block + nc, &ld,
                       &zero, add.data(), &nc);
        for (i64 c = 0; c < nc; ++c)
            for (i64 r = c; r < nc; ++r) block[c * ld + r] += add[c * nc + r];
    }
}

}  // namespace nw
