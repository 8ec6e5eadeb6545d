#include <algorithm>
#include <numeric>

#include "supernodal.hpp"

namespace nw {

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;

// Nodes that come after each node and meet it in the factor, and the parent (the first of them).
struct Structure {
    std::vector<std::vector<i32>> rows;
    std::vector<i32> parent;
};

Structure factor_structure(const Graph& g, const std::vector<i32>& order) {
    const i32 n = g.size();
    std::vector<i32> rank(static_cast<size_t>(n));
    for (i32 i = 0; i < n; ++i) rank[order[i]] = i;
    Structure out{std::vector<std::vector<i32>>(n), std::vector<i32>(n, -1)};
    std::vector<std::vector<i32>> children(n);
    std::vector<i32> mark(n, -1);
    for (i32 j = 0; j < n; ++j) {
        std::vector<i32>& rows = out.rows[j];
        mark[j] = j;
        const auto take = [&](i32 r) {
            if (r > j && mark[r] != j) {
                mark[r] = j;
                rows.push_back(r);
            }
        };
        for (i64 e = g.start[order[j]]; e < g.start[order[j] + 1]; ++e) take(rank[g.neighbour[e]]);
        for (i32 c : children[j])
            for (i32 r : out.rows[c]) take(r);
        std::sort(rows.begin(), rows.end());
        if (rows.empty()) continue;
        out.parent[j] = rows.front();
        children[rows.front()].push_back(j);
    }
    return out;
}

// Children before parents, each subtree in one run, so that supernodes are runs of columns.
std::vector<i32> postorder(const std::vector<i32>& parent) {
    const i32 n = static_cast<i32>(parent.size());
    std::vector<i32> head(n, -1), next(n, -1), out, stack;
    for (i32 j = n - 1; j >= 0; --j)
        if (parent[j] >= 0) {
            next[j] = head[parent[j]];
            head[parent[j]] = j;
        }
    for (i32 root = 0; root < n; ++root) {
        if (parent[root] >= 0) continue;
        stack.push_back(root);
        while (!stack.empty()) {
            const i32 j = stack.back();
            if (head[j] >= 0) {
                const i32 c = head[j];
                head[j] = next[c];
                stack.push_back(c);
            } else {
                stack.pop_back();
                out.push_back(j);
            }
        }
    }
    return out;
}

// Whether joining the last child's supernode (columns `own`, rows below `below`) with its parent
// (`up` columns, `above` rows below) pays: few zeros, those of earlier joins included, or blocks that
// are too thin for BLAS.
bool worth_joining(i64 own, i64 up, i64 above, i64 added, i64 before) {
    const i64 zeros = before + added;
    const i64 total = (own + up) * (own + up + above);
    if (added == 0) return true;
    if (own + up <= 8) return zeros * 2 <= total;
    if (own + up <= 32) return zeros * 5 <= total;
    return zeros * 20 <= total;
}

// Last nodes of runs in which each node is the last child of the next, joined where it pays.
std::vector<i32> runs(const Structure& tree, const std::vector<i32>& order, const std::vector<i32>& width,
                      int border) {
    const i32 nodes = static_cast<i32>(order.size());
    std::vector<i32> out;
    i64 own = 0, zeros = 0;
    const auto below = [&](i32 j) {
        i64 sum = border;
        for (i32 r : tree.rows[j]) sum += width[order[r]];
        return sum;
    };
    for (i32 j = 0; j < nodes; ++j) {
        own += width[order[j]];
        const bool chained = j + 1 < nodes && tree.parent[j] == j + 1;
        if (chained) {
            const i64 up = width[order[j + 1]], above = below(j + 1), added = own * (up + above - below(j));
            if (worth_joining(own, up, above, added, zeros)) {
                zeros += added;
                continue;
            }
        }
        out.push_back(j);
        own = zeros = 0;
    }
    return out;
}

}  // namespace

i64 Supernodes::at(i32 a, i32 b) const {
    i32 r = position[a], c = position[b];
    if (r < c) std::swap(r, c);
    const i32 s = of_column[c];
    const i32* begin = row.data() + row_start[s];
    const i32* end = row.data() + row_start[s + 1];
    const i64 at = r < first[s + 1] ? r - first[s] : std::lower_bound(begin, end, r) - begin;
    return value_start[s] + (c - first[s]) * (end - begin) + at;
}

Supernodes analyse(const Graph& graph, const std::vector<i32>& column, const std::vector<i32>& width,
                   int border, double most) {
    const double widest = width.empty() ? 1.0 : *std::max_element(width.begin(), width.end());
    std::vector<i32> order = minimum_degree(graph, most / (widest * widest * widest));
    if (order.empty()) return Supernodes{};
    Structure tree = factor_structure(graph, order);
    {
        const std::vector<i32> post = postorder(tree.parent);
        std::vector<i32> again;
        for (i32 j : post) again.push_back(order[j]);
        order.swap(again);
        tree = factor_structure(graph, order);
    }
    const i32 nodes = graph.size();
    std::vector<i32> start(static_cast<size_t>(nodes) + 1, 0);
    for (i32 j = 0; j < nodes; ++j) start[j + 1] = start[j] + width[order[j]];
    const i32 inner = start[nodes];
    Supernodes sn;
    sn.n = inner + border;
    sn.border = border;
    sn.position.resize(static_cast<size_t>(sn.n));
    for (i32 j = 0; j < nodes; ++j)
        for (i32 e = 0; e < width[order[j]]; ++e) sn.position[column[order[j]] + e] = start[j] + e;
    for (i32 e = inner; e < sn.n; ++e) sn.position[e] = e;
    const std::vector<i32> run_end = runs(tree, order, width, border);
    sn.row_start.push_back(0);
    sn.value_start.push_back(0);
    i32 begin = 0;
    const auto close = [&](i32 from, i32 to) {
        sn.first.push_back(from);
        for (i32 c = from; c < to; ++c) sn.of_column.push_back(static_cast<i32>(sn.first.size()) - 1);
        sn.row_start.push_back(static_cast<i64>(sn.row.size()));
        const double rows = static_cast<double>(sn.row_start.back() - sn.row_start[sn.first.size() - 1]);
        sn.value_start.push_back(sn.value_start.back() + (to - from) * static_cast<i64>(rows));
        sn.flops += static_cast<double>(to - from) * rows * rows;
    };
    for (i32 end : run_end) {
        for (i32 c = start[begin]; c < start[end + 1]; ++c) sn.row.push_back(c);
        for (i32 r : tree.rows[end])
            for (i32 c = start[r]; c < start[r + 1]; ++c) sn.row.push_back(c);
        for (i32 c = inner; c < sn.n; ++c) sn.row.push_back(c);
        close(start[begin], start[end + 1]);
        begin = end + 1;
    }
    if (border > 0) {
        for (i32 c = inner; c < sn.n; ++c) sn.row.push_back(c);
        close(inner, sn.n);
    }
    sn.first.push_back(sn.n);
    return sn;
}

}  // namespace nw
