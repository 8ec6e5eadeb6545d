// Graphs of the dense remainder's levels: which meet, in what order to eliminate them.
#pragma once

#include <cstdint>
#include <vector>

namespace nw {

// Undirected graph without loops, both directions stored, neighbours in any order.
struct Graph {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> neighbour;
    int size() const { return static_cast<int>(start.size()) - 1; }
};

// A fill-reducing order: `order[i]` is the node that is eliminated as the i-th; and the entries that
// the factor will have, all nodes being of width one. No order: given up.
struct Ordering {
    std::vector<std::int32_t> order;
    double values = 0.0;
};

// Approximate minimum degree on the quotient graph, nodes that cannot be told apart taken together.
// Source: Amestoy, Davis & Duff (1996), SIAM J. Matrix Anal. Appl. 17, 886-905. Gives up when the
// sum of squared degrees passes `most`: the factor will be nearly dense.
Ordering minimum_degree(const Graph& graph, double most);

}  // namespace nw
