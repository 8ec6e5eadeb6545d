// From rows to sums over pairs of neighbours; see chain.hpp.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "chain.hpp"

namespace nw {

namespace {

using std::int64_t;
using Values = std::vector<double>;

// Doubles that sums by gap may take; beyond, and beyond eight times those of the rows, they do not pay.
constexpr double MOST = 4e6;

// A stable order by codes.
std::vector<int64_t> sorted_by(const std::int32_t* codes, const std::vector<int64_t>& before) {
    std::int32_t last = 0;
    bool ordered = true;
    for (size_t i = 0; i < before.size(); ++i) {
        ordered = ordered && codes[before[i]] >= last;
        last = std::max(last, codes[before[i]]);
    }
    if (ordered) return before;
    std::vector<int64_t> starts(static_cast<size_t>(last) + 2, 0), out(before.size());
    for (int64_t i : before) ++starts[static_cast<size_t>(codes[i]) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    for (int64_t i : before) out[static_cast<size_t>(starts[static_cast<size_t>(codes[i])]++)] = i;
    return out;
}

// Order by cluster, subject and time.
std::vector<int64_t> ordered(const ChainRows& rows) {
    std::vector<int64_t> order(static_cast<size_t>(rows.n));
    std::iota(order.begin(), order.end(), int64_t{0});
    order = sorted_by(rows.subject, order);
    if (!rows.codes.empty() && rows.codes[0] != rows.subject) order = sorted_by(rows.codes[0], order);
    for (size_t begin = 0; begin < order.size();) {
        size_t end = begin + 1;
        bool good = true;
        while (end < order.size() && rows.subject[order[end]] == rows.subject[order[begin]]) {
            good = good && rows.time[order[end]] > rows.time[order[end - 1]];
            ++end;
        }
        if (!good)
            std::sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                      order.begin() + static_cast<std::ptrdiff_t>(end),
                      [&](int64_t a, int64_t b) { return rows.time[a] < rows.time[b]; });
        begin = end;
    }
    return order;
}

// Whether each subject is in one level, the terms share their levels, and times are apart.
bool is_chain(const ChainRows& rows, const std::vector<int64_t>& order) {
    std::vector<char> seen;
    for (size_t i = 0; i < order.size(); ++i) {
        const int64_t at = order[i], before = i ? order[i - 1] : at;
        const bool next = i == 0 || rows.subject[at] != rows.subject[before];
        const size_t s = static_cast<size_t>(rows.subject[at]);
        if (next) {
            if (seen.size() <= s) seen.resize(std::max(s + 1, 2 * seen.size()), 0);
            if (seen[s]) return false;  // rows of this subject stand in two levels
            seen[s] = 1;
        } else if (!(rows.time[at] > rows.time[before])) {
            return false;
        }
        for (size_t t = 0; t < rows.codes.size() && i; ++t) {
            const bool same = rows.codes[t][at] == rows.codes[t][before];
            const bool first = rows.codes[0][at] == rows.codes[0][before];
            if (same != first || (!next && !same)) return false;
        }
    }
    return true;
}

// Codes of the gaps to the row before; false when there are too many different ones.
bool code_gaps(const ChainRows& rows, int c, ChainModel& out) {
    std::unordered_map<double, int> places;
    const double each = 3.0 * c * (c + 1) / 2.0, all = 8.0 * static_cast<double>(rows.n) * c;
    double last = -1.0;
    int code = -1;
    out.gap.assign(out.order.size(), -1);
    for (size_t i = 1; i < out.order.size(); ++i) {
        const int64_t at = out.order[i], before = out.order[i - 1];
        if (rows.subject[at] != rows.subject[before]) continue;
        const double gap = rows.time[at] - rows.time[before];
        if (gap != last) {
            const auto found = places.try_emplace(gap, static_cast<int>(out.gaps.size()));
            code = found.first->second;
            last = gap;
            if (found.second) {
                out.gaps.push_back(gap);
                out.count.push_back(0.0);
                if (each * static_cast<double>(out.gaps.size()) > std::max(MOST, all)) return false;
            }
        }
        out.gap[i] = code;
        out.count[static_cast<size_t>(code)] += 1.0;
    }
    return true;
}

void add_square(const double* x, int c, double* out) {
    for (int a = 0; a < c; ++a, out += a)
        for (int b = 0; b <= a; ++b) out[b] += x[a] * x[b];
}

// dd', dx' + xd' and xx' of one pair, packed one after the other.
void add_pair(const double* d, const double* x, int c, double* out) {
    const int size = c * (c + 1) / 2;
    double *dd = out, *dx = out + size, *xx = out + 2 * size;
    for (int a = 0; a < c; ++a) {
        const double da = d[a], xa = x[a];
        for (int b = 0; b <= a; ++b) {
            dd[b] += da * d[b];
            dx[b] += da * x[b] + xa * d[b];
            xx[b] += xa * x[b];
        }
        dd += a + 1;
        dx += a + 1;
        xx += a + 1;
    }
}

// out (k, w) += u' v with u the first k of w.
void add_outer(const double* u, int k, const double* v, int w, double* out) {
    for (int i = 0; i < k; ++i)
        for (int j = 0; j < w; ++j) out[i * w + j] += u[i] * v[j];
}

// One row [Z y..] times the square root of its weight.
void read_row(const ChainRows& rows, int64_t at, double root, double* Z, double* D) {
    for (size_t t = 0; t < rows.Z.size(); ++t)
        for (int j = 0; j < rows.widths[t]; ++j) *Z++ = root * rows.Z[t][at * rows.widths[t] + j];
    for (int j = 0; j < rows.p; ++j) D[j] = root * rows.Q[at * rows.p + j];
    D[rows.p] = root * rows.y[at];
}

// Where the sums of a gap in the last cluster begin.
double* pair_sums(ChainModel& out, int gap, size_t block) {
    std::vector<ClusterPairs>& own = out.clusters.back();
    for (const ClusterPairs& pairs : own)
        if (pairs.gap == gap) return &out.cluster_sums[pairs.begin];
    own.push_back({gap, out.cluster_sums.size()});
    out.cluster_sums.resize(out.cluster_sums.size() + 3 * block, 0.0);
    return &out.cluster_sums[own.back().begin];
}

// The sums; `now`, `before` and `d` hold [Z D] of a row, of the one before it, and their difference.
void add_sums(const ChainRows& rows, ChainModel& out) {
    const int c = out.c, k = out.k, w = k + c;
    const size_t size = static_cast<size_t>(c) * (c + 1) / 2, block = static_cast<size_t>(k) * w;
    Values now(w), before(w), d(w);
    for (size_t i = 0; i < out.order.size(); ++i) {
        const int64_t at = out.order[i];
        const double root = rows.weights ? std::sqrt(rows.weights[at]) : 1.0;
        if (rows.weights) {
            out.root[i] = root;
            out.constant -= std::log(rows.weights[at]);
        }
        read_row(rows, at, root, now.data(), now.data() + k);
        const int gap = out.gap[i];
        const bool new_cluster =
            k && (i == 0 || rows.codes[0][at] != rows.codes[0][out.order[i - 1]]);
        if (new_cluster) {
            out.clusters.emplace_back();
            out.cluster_first.resize(out.cluster_first.size() + block, 0.0);
        }
        if (k) {
            out.cluster[i] = static_cast<int>(out.clusters.size()) - 1;
            std::copy(now.begin(), now.begin() + k, &out.Z[i * k]);
        }
        if (gap < 0) {
            add_square(now.data() + k, c, out.first.data());
            if (k) add_outer(now.data(), k, now.data(), w, &out.cluster_first[out.cluster_first.size() - block]);
        } else {
            for (int j = 0; j < w; ++j) d[j] = now[j] - before[j];
            add_pair(d.data() + k, before.data() + k, c, &out.squares[3 * size * static_cast<size_t>(gap)]);
            if (k) {
                double* sums = pair_sums(out, gap, block);
                add_outer(d.data(), k, d.data(), w, sums);
                add_outer(d.data(), k, before.data(), w, sums + block);
                add_outer(before.data(), k, d.data(), w, sums + block);
                add_outer(before.data(), k, before.data(), w, sums + 2 * block);
            }
        }
        std::swap(now, before);
    }
}

}  // namespace

bool make_chain(const ChainRows& rows, ChainModel& out) {
    out.n = rows.n;
    out.c = rows.p + 1;
    out.k = std::accumulate(rows.widths.begin(), rows.widths.end(), 0);
    out.order = ordered(rows);
    if (!is_chain(rows, out.order) || !code_gaps(rows, out.c, out) || out.gaps.empty()) return false;
    if (out.decay == Decay::by_order)
        for (double gap : out.gaps)
            if (gap != std::floor(gap)) return false;
    const size_t size = static_cast<size_t>(out.c) * (out.c + 1) / 2;
    out.first.assign(size, 0.0);
    out.squares.assign(3 * size * out.gaps.size(), 0.0);
    if (out.k) {
        out.cluster.assign(out.order.size(), 0);
        out.Z.assign(out.order.size() * static_cast<size_t>(out.k), 0.0);
    }
    if (rows.weights) out.root.assign(out.order.size(), 1.0);
    add_sums(rows, out);
    return true;
}

}  // namespace nw
