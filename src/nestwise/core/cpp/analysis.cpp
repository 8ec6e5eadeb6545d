#include <algorithm>
#include <functional>
#include <utility>

#include "supernodal.hpp"

namespace nw {

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;

std::vector<i32> ranks(const std::vector<i32>& order) {
    std::vector<i32> out(order.size());
    for (size_t i = 0; i < order.size(); ++i) out[order[i]] = static_cast<i32>(i);
    return out;
}

// For each node the first that comes after it and meets it in the factor, -1 for none.
// Source: Liu (1990), SIAM J. Matrix Anal. Appl. 11, 134-172, section 4.
std::vector<i32> elimination_tree(const Graph& g, const std::vector<i32>& order) {
    const i32 n = g.size();
    const std::vector<i32> rank = ranks(order);
    std::vector<i32> parent(n, -1), ancestor(n, -1);
    for (i32 j = 0; j < n; ++j)
        for (i64 e = g.start[order[j]]; e < g.start[order[j] + 1]; ++e)
            for (i32 i = rank[g.neighbour[e]]; i >= 0 && i < j;) {
                const i32 up = ancestor[i];
                ancestor[i] = j;
                if (up < 0) parent[i] = j;
                i = up == j ? -1 : up;
            }
    return parent;
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

// Runs of nodes in which each is the last child of the next, joined where it pays: the last node of
// each, and the nodes below it, descending.
struct Runs {
    std::vector<i32> end;
    std::vector<std::vector<i32>> rows;
};

// Builds the nodes below each node from those of its children; keeps them for the ends of runs.
class RunFinder {
  public:
    RunFinder(const Graph& g, const std::vector<i32>& order, const std::vector<i32>& width, int border)
        : g_(g), order_(order), width_(width), border_(border), rank_(ranks(order)), rows_(order.size()),
          children_(order.size()), below_(order.size()) {}

    Runs find() {
        Runs out;
        const i32 n = static_cast<i32>(order_.size());
        for (i32 j = 0; j < n; ++j) {
            const i32 base = longest_child(j);
            find_others(j, base);
            i64 above = base >= 0 ? below_[base] - width_[order_[j]] : border_;
            for (i32 r : others_) above += width_[order_[r]];
            below_[j] = above;
            const bool joined = joins(j);
            if (!joined && j > 0) end(j - 1, out);
            own_ += width_[order_[j]];
            write_rows(j, base, joined && base == j - 1);
            if (joined) std::vector<i32>().swap(rows_[j - 1]);
        }
        if (n > 0) end(n - 1, out);
        for (i32 j : out.end) out.rows.push_back(std::move(rows_[j]));
        return out;
    }

  private:
    void end(i32 j, Runs& out) {
        out.end.push_back(j);
        own_ = zeros_ = 0;
    }

    i32 longest_child(i32 j) const {
        i32 out = -1;
        for (i32 c : children_[j])
            if (out < 0 || rows_[c].size() > rows_[out].size()) out = c;
        return out;
    }

    // Nodes below j that are not below its child `base`, descending.
    void find_others(i32 j, i32 base) {
        others_.clear();
        for (i64 e = g_.start[order_[j]]; e < g_.start[order_[j] + 1]; ++e)
            if (rank_[g_.neighbour[e]] > j) others_.push_back(rank_[g_.neighbour[e]]);
        for (i32 c : children_[j])
            if (c != base) others_.insert(others_.end(), rows_[c].begin(), rows_[c].end() - 1);
        std::sort(others_.begin(), others_.end(), std::greater<>());
        others_.erase(std::unique(others_.begin(), others_.end()), others_.end());
        if (base < 0) return;
        const std::vector<i32>& known = rows_[base];
        others_.erase(std::remove_if(others_.begin(), others_.end(),
                                     [&](i32 r) {
                                         return std::binary_search(known.begin(), known.end(), r, std::greater<>());
                                     }),
                      others_.end());
    }

    // Whether j goes on with the run that ends before it.
    bool joins(i32 j) {
        if (j == 0 || rows_[j - 1].empty() || rows_[j - 1].back() != j) return false;
        const i64 up = width_[order_[j]], above = below_[j], added = own_ * (up + above - below_[j - 1]);
        if (!worth_joining(own_, up, above, added, zeros_)) return false;
        zeros_ += added;
        return true;
    }

    void write_rows(i32 j, i32 base, bool take) {
        std::vector<i32>& rows = rows_[j];
        if (base >= 0) {
            rows = take ? std::move(rows_[base]) : rows_[base];
            rows.pop_back();  // j itself
        }
        const auto middle = static_cast<std::ptrdiff_t>(rows.size());
        rows.insert(rows.end(), others_.begin(), others_.end());
        std::inplace_merge(rows.begin(), rows.begin() + middle, rows.end(), std::greater<>());
        if (!rows.empty()) children_[rows.back()].push_back(j);
    }

    const Graph& g_;
    const std::vector<i32>& order_;
    const std::vector<i32>& width_;
    i64 border_;
    std::vector<i32> rank_, others_;
    std::vector<std::vector<i32>> rows_, children_;
    std::vector<i64> below_;
    i64 own_ = 0, zeros_ = 0;
};

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
                   int border, double most, double most_values) {
    const double widest = width.empty() ? 1.0 : *std::max_element(width.begin(), width.end());
    const Ordering found = minimum_degree(graph, most / (widest * widest * widest));
    if (found.order.empty()) return Supernodes{};
    if (found.values > most_values) {
        Supernodes refused;
        refused.refused = found.values;
        return refused;
    }
    std::vector<i32> order;
    for (i32 j : postorder(elimination_tree(graph, found.order))) order.push_back(found.order[j]);
    const Runs runs = RunFinder(graph, order, width, border).find();
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
    for (size_t run = 0; run < runs.end.size(); ++run) {
        const i32 end = runs.end[run];
        for (i32 c = start[begin]; c < start[end + 1]; ++c) sn.row.push_back(c);
        for (auto r = runs.rows[run].rbegin(); r != runs.rows[run].rend(); ++r)
            for (i32 c = start[*r]; c < start[*r + 1]; ++c) sn.row.push_back(c);
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
