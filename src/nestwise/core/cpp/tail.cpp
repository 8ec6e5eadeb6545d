#include "tail.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "lapack.hpp"
#include "panels.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;
using i32 = std::int32_t;

// Tail matrices up to this order are factorised in place, without the cost of a LAPACK call.
constexpr int small_order = 32;
// From this order on, a sparse factor is considered.
constexpr int sparse_from = 400;
// How much slower the sparse code is for each operation.
constexpr double sparse_penalty = 4.0;

char* text(const char* s) { return const_cast<char*>(s); }

// Tail levels as nodes: first column and width.
struct Nodes {
    std::vector<i32> column, width, of_column;
};

Nodes tail_nodes(const CrossProducts& cp) {
    Nodes out;
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t)
        for (i32 l = 0; l < cp.factors[t].m; ++l) {
            out.of_column.insert(out.of_column.end(), cp.factors[t].k, static_cast<i32>(out.column.size()));
            out.column.push_back(cp.factors[t].tail_column + l * cp.factors[t].k);
            out.width.push_back(cp.factors[t].k);
        }
    return out;
}

// Which tail nodes meet: in a row, or through a level of the chain's last factor, whose lists
// include those of all it contains. Empty when more than `most` edges appear.
Graph tail_graph(const CrossProducts& cp, const Nodes& nodes, double most) {
    const i32 n = static_cast<i32>(nodes.column.size());
    std::vector<std::vector<i32>> direct(n), cliques(n);
    for (size_t t = cp.n_chain; t < cp.factors.size(); ++t)
        for (size_t g = t + 1; g < cp.factors.size(); ++g) {
            const Pairs& pr = cp.pairs[t][g];
            for (i64 l = 0; l < cp.factors[t].m; ++l)
                for (i64 e = pr.start[l]; e < pr.start[l + 1]; ++e) {
                    const i32 a = nodes.of_column[cp.factors[t].tail_column + l * cp.factors[t].k];
                    const i32 b = nodes.of_column[cp.factors[g].tail_column + pr.level[e] * cp.factors[g].k];
                    direct[a].push_back(b);
                    direct[b].push_back(a);
                }
        }
    const TailRows& top = cp.rows[cp.n_chain - 1];
    const i32 levels = static_cast<i32>(top.start.size()) - 1;
    for (i32 l = 0; l < levels; ++l)
        for (i64 e = top.start[l]; e < top.start[l + 1]; ++e)
            if (nodes.column[nodes.of_column[top.column[e]]] == top.column[e])
                cliques[nodes.of_column[top.column[e]]].push_back(l);
    Graph out;
    out.start.push_back(0);
    std::vector<i32> mark(n, -1);
    for (i32 j = 0; j < n; ++j) {
        mark[j] = j;
        const auto take = [&](i32 v) {
            if (mark[v] == j) return;
            mark[v] = j;
            out.neighbour.push_back(v);
        };
        for (i32 v : direct[j]) take(v);
        for (i32 l : cliques[j])
            for (i64 e = top.start[l]; e < top.start[l + 1]; ++e) take(nodes.of_column[top.column[e]]);
        out.start.push_back(static_cast<i64>(out.neighbour.size()));
        if (static_cast<double>(out.neighbour.size()) > most) return Graph{};
    }
    return out;
}

// Positions, in the sparse factor, of the square that each chain level adds to.
void place_squares(CrossProducts& cp) {
    for (int i = 0; i < cp.n_chain; ++i) {
        TailRows& rows = cp.rows[i];
        rows.square_start.assign(rows.start.size(), 0);
        for (size_t l = 0; l + 1 < rows.start.size(); ++l) {
            const i32* col = rows.column.data() + rows.start[l];
            const i64 nc = rows.start[l + 1] - rows.start[l];
            for (i64 a = 0; a < nc; ++a)
                for (i64 b = a; b < nc; ++b) rows.square.push_back(cp.sparse->at(col[a], col[b]));
            rows.square_start[l + 1] = static_cast<i64>(rows.square.size());
        }
    }
}

// Two right-hand sides in elimination order, and back.
void permuted(const CrossProducts& cp, int m, double* A, bool forward, const double* L, int upto) {
    const Supernodes& sn = *cp.sparse;
    std::vector<double> X(static_cast<size_t>(sn.n) * static_cast<size_t>(m));
    for (i64 c = 0; c < sn.n; ++c)
        std::copy_n(A + c * m, m, X.data() + static_cast<i64>(sn.position[c]) * m);
    if (forward)
        forward_sparse(sn, L, X.data(), m, upto);
    else
        backward_sparse(sn, L, X.data(), m, upto);
    for (i64 c = 0; c < sn.n; ++c)
        std::copy_n(X.data() + static_cast<i64>(sn.position[c]) * m, m, A + c * m);
}

void check_memory(double bytes, double memory, int order, const char* kind) {
    if (bytes <= memory) return;
    throw std::length_error(std::string(kind) + " factor of order " + std::to_string(order) +
                            " needs " + std::to_string(static_cast<long long>(bytes / 1048576.0)) +
                            " MiB, more than the " +
                            std::to_string(static_cast<long long>(memory / 1048576.0)) +
                            " MiB that are available");
}

}  // namespace

i64 tail_values(const CrossProducts& cp) {
    const i64 N = cp.tail + cp.p;
    return cp.sparse ? cp.sparse->values() : N * N;
}

double tail_work(const CrossProducts& cp) {
    const double N = cp.tail + cp.p;
    return cp.sparse ? cp.sparse->flops : N * N * N;
}

void plan_tail(CrossProducts& cp, int solver, double memory) {
    const double N = cp.tail + cp.p;
    const double dense_bytes = 16.0 * N * N;
    const bool consider = solver == 2 || (solver == 0 && cp.tail >= sparse_from);
    if (consider && cp.tail > 0 && cp.n_chain > 0) {
        const Nodes nodes = tail_nodes(cp);
        const double n = static_cast<double>(nodes.column.size());
        const Graph graph = tail_graph(cp, nodes, solver == 2 ? n * n : 0.3 * n * n);
        if (graph.size() > 0) {
            const double most = solver == 2 ? 1e300 : N * N * N / 3.0 / sparse_penalty;
            auto sn = std::make_unique<Supernodes>(
                analyse(graph, nodes.column, nodes.width, cp.p, most, memory / 16.0));
            if (sn->refused > 0.0 && (solver == 2 || dense_bytes > memory))
                check_memory(16.0 * sn->refused, memory, cp.tail + cp.p, "a sparse");
            if (sn->n == 0)
                sn.reset();
            else if (solver == 2 || sn->flops * sparse_penalty < N * N * N / 3.0 || dense_bytes > memory)
                cp.sparse = std::shared_ptr<const Supernodes>(std::move(sn));
        }
    }
    if (!cp.sparse) {
        check_memory(dense_bytes, memory, cp.tail + cp.p, "a dense");
        return;
    }
    check_memory(16.0 * static_cast<double>(cp.sparse->values()), memory, cp.tail + cp.p, "a sparse");
    for (i32 c = 0; c < cp.tail; ++c) {
        const Supernodes& sn = *cp.sparse;
        const i32 s = sn.of_column[sn.position[c]];
        const i64 ld = sn.rows_of(s);
        cp.x_at.push_back(sn.value_start[s] + (sn.position[c] - sn.first[s] + 1) * ld - cp.p);
    }
    place_squares(cp);
}

bool factorise_tail(const CrossProducts& cp, Workspace& w) {
    if (cp.sparse) return factorise_sparse(*cp.sparse, w.S.data(), w.square);
    int N = cp.tail + cp.p;
    double* S = w.S.data();
    if (N > small_order) return cholesky_in_panels(S, N, N);
    for (int j = 0; j < N; ++j) {
        double* column = S + static_cast<i64>(j) * N;
        for (int t = 0; t < j; ++t) {
            const double* left = S + static_cast<i64>(t) * N;
            for (int i = j; i < N; ++i) column[i] -= left[j] * left[i];
        }
        if (!(column[j] > 0.0)) return false;
        const double d = std::sqrt(column[j]);
        for (int i = j; i < N; ++i) column[i] /= d;
    }
    return true;
}

void tail_forward(const CrossProducts& cp, const Workspace& w, int m, bool with_x, double* A) {
    int N = cp.tail + cp.p, n = with_x ? N : cp.tail, rows = m;
    if (n == 0 || m == 0) return;
    if (cp.sparse) return permuted(cp, m, A, true, w.S.data(), n);
    double one = 1.0;
    // Row-major n x m is column-major m x n: A L^-T from the right.
    lapack().dtrsm(text("R"), text("L"), text("T"), text("N"), &rows, &n, &one,
                   const_cast<double*>(w.S.data()), &N, A, &rows);
}

void tail_backward(const CrossProducts& cp, const Workspace& w, int m, bool with_x, double* A) {
    int N = cp.tail + cp.p, n = with_x ? N : cp.tail, rows = m;
    if (n == 0 || m == 0) return;
    if (cp.sparse) return permuted(cp, m, A, false, w.S.data(), n);
    double one = 1.0;
    lapack().dtrsm(text("R"), text("L"), text("N"), text("N"), &rows, &n, &one,
                   const_cast<double*>(w.S.data()), &N, A, &rows);
}

void invert_tail(const CrossProducts& cp, bool with_x, Workspace& w) {
    if (cp.sparse) {
        w.S_inverse.resize(w.S.size());
        invert_sparse(*cp.sparse, w.S.data(), with_x, w.S_inverse.data(), w.square);
        return;
    }
    const int N = cp.tail + cp.p, n = with_x ? N : cp.tail;
    w.S_inverse.resize(static_cast<size_t>(n) * static_cast<size_t>(n));
    double* C = w.S_inverse.data();
    for (int j = 0; j < n; ++j)
        std::copy_n(w.S.data() + static_cast<i64>(j) * N + j, n - j, C + static_cast<i64>(j) * n + j);
    if (n == 0) return;
    inverse_in_panels(C, n, n);
    for (i64 j = 0; j < n; ++j)
        for (i64 i = j + 1; i < n; ++i) C[j + i * n] = C[i + j * n];
}

}  // namespace nw
