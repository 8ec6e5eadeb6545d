#include "crossproducts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>

#include "tail.hpp"
#include "workspace.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Sum with Neumaier's compensation: levels are many, and X'WX must keep its digits.
struct Compensated {
    double sum = 0.0, lost = 0.0;
    void add(double x) {
        const double t = sum + x;
        lost += std::fabs(sum) >= std::fabs(x) ? (sum - t) + x : (x - t) + sum;
        sum = t;
    }
    double value() const { return sum + lost; }
};

// Rows ordered by level (counting sort); empty order when they already are.
struct ByLevel {
    std::vector<i64> start;
    std::vector<i64> order;
    i64 row(i64 i) const { return order.empty() ? i : order[static_cast<size_t>(i)]; }
};

ByLevel by_level(const FactorRows& f, i64 n) {
    ByLevel out;
    out.start.assign(static_cast<size_t>(f.n_levels) + 1, 0);
    bool sorted = true;
    for (i64 i = 0; i < n; ++i) {
        ++out.start[static_cast<size_t>(f.codes[i]) + 1];
        sorted = sorted && (i == 0 || f.codes[i - 1] <= f.codes[i]);
    }
    std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
    if (sorted) return out;
    std::vector<i64> next(out.start.begin(), out.start.end() - 1);
    out.order.resize(static_cast<size_t>(n));
    for (i64 i = 0; i < n; ++i)
        out.order[static_cast<size_t>(next[static_cast<size_t>(f.codes[i])]++)] = i;
    return out;
}

bool nested(const FactorRows& inner, const FactorRows& outer, i64 n) {
    std::vector<i32> parent(static_cast<size_t>(inner.n_levels), -1);
    for (i64 i = 0; i < n; ++i) {
        i32& p = parent[static_cast<size_t>(inner.codes[i])];
        if (p < 0)
            p = outer.codes[i];
        else if (p != outer.codes[i])
            return false;
    }
    return true;
}

// Elimination order: by decreasing number of levels; a factor in which the chain's last member is
// nested joins the chain, the others form the tail.
std::vector<int> elimination_order(const Rows& rows, int& n_chain) {
    const int F = static_cast<int>(rows.factors.size());
    std::vector<int> all(static_cast<size_t>(F));
    std::iota(all.begin(), all.end(), 0);
    std::stable_sort(all.begin(), all.end(), [&](int a, int b) {
        return rows.factors[static_cast<size_t>(a)].n_levels >
               rows.factors[static_cast<size_t>(b)].n_levels;
    });
    std::vector<int> chain, tail;
    for (int f : all) {
        const auto& candidate = rows.factors[static_cast<size_t>(f)];
        if (chain.empty() ||
            nested(rows.factors[static_cast<size_t>(chain.back())], candidate, rows.n))
            chain.push_back(f);
        else
            tail.push_back(f);
    }
    n_chain = static_cast<int>(chain.size());
    chain.insert(chain.end(), tail.begin(), tail.end());
    return chain;
}

// Reads the columns of one row, scaled and centred. Weights may be negative: the observed weights
// of a generalised model whose link is not canonical.
struct RowReader {
    const Rows& rows;
    double weight(i64 r) const { return rows.weights ? rows.weights[r] : 1.0; }
    void z(const FactorRows& f, i64 r, double* out) const {
        for (size_t j = 0; j < f.columns.size(); ++j)
            out[j] = f.columns[j] ? f.columns[j][r] * f.inverse_scale[j] : 1.0;
    }
    template <int C>
    void xy(i64 r, double* out) const {
        const int p = C ? C - 1 : rows.p;
        for (int j = 0; j < p; ++j) {
            const auto s = static_cast<size_t>(j);
            const double x = rows.X[static_cast<i64>(j) * rows.n + r];
            out[j] = (x - rows.x_center[s]) * rows.x_inverse_scale[s];
        }
        out[p] = rows.y[r];
    }
};

// Pattern of the pairs of factor f with factor g, partners ascending.
Pairs pair_pattern(const ByLevel& order, const FactorRows& f, const FactorRows& g, int kf, int kg) {
    Pairs out;
    out.start.assign(static_cast<size_t>(f.n_levels) + 1, 0);
    std::vector<i32> seen(static_cast<size_t>(g.n_levels), -1);
    for (i32 l = 0; l < f.n_levels; ++l) {
        const auto first = static_cast<std::ptrdiff_t>(out.level.size());
        for (i64 i = order.start[static_cast<size_t>(l)]; i < order.start[static_cast<size_t>(l) + 1]; ++i) {
            const i32 c = g.codes[order.row(i)];
            if (seen[static_cast<size_t>(c)] != l) {
                seen[static_cast<size_t>(c)] = l;
                out.level.push_back(c);
            }
        }
        std::sort(out.level.begin() + first, out.level.end());
        out.start[static_cast<size_t>(l) + 1] = static_cast<i64>(out.level.size());
    }
    out.value.assign(out.level.size() * static_cast<size_t>(kf * kg), 0.0);
    return out;
}

template <int B = 0>
void add_outer(double* target, double w, const double* a, int ka, const double* b, int columns) {
    const int kb = B ? B : columns;
    for (int i = 0; i < ka; ++i) {
        const double c = w * a[i];
        for (int j = 0; j < kb; ++j) target[i * kb + j] += c * b[j];
    }
}

// [X, y]'W[X, y], lower triangle: plain sums over some rows at a time, compensated sums of these.
template <int C>
class TotalSquare {
  public:
    TotalSquare(int columns, std::vector<Compensated>& total)
        : total_(total), columns_(columns), many_(static_cast<size_t>(C ? 0 : columns * columns)) {}
    void add(double w, const double* a) {
        const int c = C ? C : columns_;
        double* part = C ? few_ : many_.data();
        for (int i = 0, at = 0; i < c; ++i) {
            const double s = w * a[i];
            for (int j = 0; j <= i; ++j) part[at++] += s * a[j];
        }
        if (++rows_ == together) flush();
    }
    void flush() {
        const int c = C ? C : columns_;
        double* part = C ? few_ : many_.data();
        for (int i = 0, at = 0; i < c; ++i)
            for (int j = 0; j <= i; ++j, ++at) {
                total_[static_cast<size_t>(i * c + j)].add(part[at]);
                part[at] = 0.0;
            }
        rows_ = 0;
    }

  private:
    static constexpr int together = 64;
    std::vector<Compensated>& total_;
    const int columns_;
    int rows_ = 0;
    double few_[C ? C * C : 1] = {};
    std::vector<double> many_;
};

// Diagonal blocks and Z'W[X, y] of one factor; for the first also [X, y]'W[X, y], lower triangle.
// C is the number of columns of [X, y] where it is small.
template <int C>
void accumulate_own(const Rows& rows, const ByLevel& order, const FactorRows& in, Factor& f,
                    bool first, std::vector<Compensated>& total) {
    const RowReader read{rows};
    const int k = f.k, c = C ? C : rows.p + 1;
    std::vector<double> z(static_cast<size_t>(k)), xy(static_cast<size_t>(c));
    TotalSquare<C> square(c, total);
    for (i64 l = 0; l < f.m; ++l) {
        double* d = f.diagonal.data() + l * k * k;
        double* zx = f.xy.data() + l * k * c;
        for (i64 i = order.start[static_cast<size_t>(l)]; i < order.start[static_cast<size_t>(l) + 1]; ++i) {
            const i64 r = order.row(i);
            const double w = read.weight(r);
            read.z(in, r, z.data());
            read.xy<C>(r, xy.data());
            add_outer(d, w, z.data(), k, z.data(), k);
            add_outer<C>(zx, w, z.data(), k, xy.data(), c);
            if (first) square.add(w, xy.data());
        }
    }
    if (first) square.flush();
}

// The number of columns as a constant where it is small: loops of known length are unrolled.
template <class Body>
void with_columns(int c, Body&& body) {
    switch (c) {
        case 2: return body(std::integral_constant<int, 2>{});
        case 3: return body(std::integral_constant<int, 3>{});
        case 4: return body(std::integral_constant<int, 4>{});
        case 5: return body(std::integral_constant<int, 5>{});
        case 6: return body(std::integral_constant<int, 6>{});
        default: return body(std::integral_constant<int, 0>{});
    }
}

void accumulate_pairs(const Rows& rows, const ByLevel& order, const FactorRows& f,
                      const FactorRows& g, int kf, int kg, Pairs& pairs) {
    const RowReader read{rows};
    std::vector<double> zf(static_cast<size_t>(kf)), zg(static_cast<size_t>(kg));
    std::vector<i64> slot(static_cast<size_t>(g.n_levels), 0);
    for (i64 l = 0; l < f.n_levels; ++l) {
        for (i64 e = pairs.start[static_cast<size_t>(l)]; e < pairs.start[static_cast<size_t>(l) + 1]; ++e)
            slot[static_cast<size_t>(pairs.level[static_cast<size_t>(e)])] = e;
        for (i64 i = order.start[static_cast<size_t>(l)]; i < order.start[static_cast<size_t>(l) + 1]; ++i) {
            const i64 r = order.row(i);
            read.z(f, r, zf.data());
            read.z(g, r, zg.data());
            double* v = pairs.value.data() + slot[static_cast<size_t>(g.codes[r])] * kf * kg;
            add_outer(v, read.weight(r), zf.data(), kf, zg.data(), kg);
        }
    }
}

// The scalar tail columns of each level of chain factor i.
TailRows tail_rows(const CrossProducts& cp, int i) {
    TailRows out;
    const int m = cp.factors[static_cast<size_t>(i)].m;
    out.start.assign(static_cast<size_t>(m) + 1, 0);
    for (i64 l = 0; l < m; ++l) {
        for (size_t t = static_cast<size_t>(cp.n_chain); t < cp.factors.size(); ++t) {
            const Pairs& pr = cp.pairs[static_cast<size_t>(i)][t];
            const Factor& g = cp.factors[t];
            for (i64 e = pr.start[static_cast<size_t>(l)]; e < pr.start[static_cast<size_t>(l) + 1]; ++e)
                for (int j = 0; j < g.k; ++j)
                    out.column.push_back(g.tail_column + pr.level[static_cast<size_t>(e)] * g.k + j);
        }
        out.start[static_cast<size_t>(l) + 1] = static_cast<i64>(out.column.size());
    }
    out.full = static_cast<i64>(out.column.size()) == static_cast<i64>(m) * cp.tail;
    return out;
}

// Where the tail columns of each level of chain factor i stand in the list of its ancestor j. The
// ancestor's rows include the level's rows, so each column is there.
std::vector<i32> positions_in(const CrossProducts& cp, int i, int j) {
    const TailRows &own = cp.rows[static_cast<size_t>(i)], &up = cp.rows[static_cast<size_t>(j)];
    const Pairs& parent = cp.pairs[static_cast<size_t>(i)][static_cast<size_t>(j)];
    std::vector<i32> out(own.column.size());
    for (size_t l = 0; l + 1 < own.start.size(); ++l) {
        const auto a = static_cast<size_t>(parent.level[l]);
        i64 at = up.start[a];
        for (i64 e = own.start[l]; e < own.start[l + 1]; ++e) {
            while (up.column[static_cast<size_t>(at)] != own.column[static_cast<size_t>(e)]) ++at;
            out[static_cast<size_t>(e)] = static_cast<i32>(at - up.start[a]);
        }
    }
    return out;
}

void lay_out_factors(const Rows& rows, const std::vector<int>& order, CrossProducts& cp) {
    for (size_t f = 0; f < order.size(); ++f) {
        const FactorRows& in = rows.factors[static_cast<size_t>(order[f])];
        Factor out;
        out.input = order[f];
        out.k = static_cast<int>(in.columns.size());
        out.m = in.n_levels;
        out.offset = cp.q;
        const bool in_tail = static_cast<int>(f) >= cp.n_chain;
        out.tail_column = in_tail ? cp.tail : -1;
        if (in_tail) cp.tail += out.k * out.m;
        cp.q += static_cast<i64>(out.k) * out.m;
        cp.max_k = std::max(cp.max_k, out.k);
        out.diagonal.assign(static_cast<size_t>(out.m) * static_cast<size_t>(out.k * out.k), 0.0);
        out.xy.assign(static_cast<size_t>(out.m) * static_cast<size_t>(out.k * (rows.p + 1)), 0.0);
        cp.factors.push_back(std::move(out));
    }
}

}  // namespace

std::unique_ptr<CrossProducts> CrossProducts::with_response(const double* zy, const double* xy,
                                                            double yy) const {
    auto out = std::make_unique<CrossProducts>();
    out->n = n;
    out->q = q;
    out->p = p;
    out->n_chain = n_chain;
    out->tail = tail;
    out->factors = factors;
    out->pairs = pairs;
    out->rows = rows;
    out->sparse = sparse;
    out->x_at = x_at;
    out->xx = xx;
    out->max_k = max_k;
    const i64 p1 = p + 1;
    for (Factor& f : out->factors)
        for (i64 i = 0; i < static_cast<i64>(f.m) * f.k; ++i) f.xy[i * p1 + p] = zy[f.offset + i];
    for (i64 j = 0; j < p; ++j) out->xx[j * p1 + p] = out->xx[p * p1 + j] = xy[j];
    out->xx[p * p1 + p] = yy;
    return out;
}

std::unique_ptr<CrossProducts> cross_products(const Rows& rows, int solver, double memory) {
    auto cp = std::make_unique<CrossProducts>();
    cp->n = rows.n;
    cp->p = rows.p;
    const std::vector<int> order = elimination_order(rows, cp->n_chain);
    lay_out_factors(rows, order, *cp);
    const size_t F = order.size(), c = static_cast<size_t>(rows.p + 1);
    std::vector<Compensated> total(c * c);
    cp->pairs.resize(F);
    for (size_t f = 0; f < F; ++f) {
        const FactorRows& in = rows.factors[static_cast<size_t>(order[f])];
        const ByLevel sorted = by_level(in, rows.n);
        with_columns(rows.p + 1, [&](auto columns) {
            accumulate_own<decltype(columns)::value>(rows, sorted, in, cp->factors[f], f == 0, total);
        });
        cp->pairs[f].resize(F);
        for (size_t g = f + 1; g < F; ++g) {
            const FactorRows& other = rows.factors[static_cast<size_t>(order[g])];
            const int kf = cp->factors[f].k, kg = cp->factors[g].k;
            cp->pairs[f][g] = pair_pattern(sorted, in, other, kf, kg);
            accumulate_pairs(rows, sorted, in, other, kf, kg, cp->pairs[f][g]);
        }
    }
    for (size_t i = 0; i < c; ++i)
        for (size_t j = 0; j < c; ++j) cp->xx.push_back(total[std::max(i, j) * c + std::min(i, j)].value());
    for (int i = 0; i < cp->n_chain; ++i) cp->rows.push_back(tail_rows(*cp, i));
    for (int i = 0; i < cp->n_chain; ++i) {
        cp->rows[static_cast<size_t>(i)].in_ancestor.resize(static_cast<size_t>(cp->n_chain));
        for (int j = i + 1; j < cp->n_chain; ++j)
            cp->rows[static_cast<size_t>(i)].in_ancestor[static_cast<size_t>(j)] = positions_in(*cp, i, j);
    }
    plan_tail(*cp, solver, memory);
    return cp;
}

}  // namespace nw
