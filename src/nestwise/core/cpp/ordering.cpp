#include <algorithm>
#include <numeric>

#include "graph.hpp"

namespace nw {

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;

// Quotient graph: variables that are left, and elements (cliques) that eliminations made.
class QuotientGraph {
  public:
    explicit QuotientGraph(const Graph& g)
        : n_(g.size()), variables_(n_), elements_(n_), members_(n_), degree_(n_), mark_(n_, -1),
          outside_(n_, 0), seen_(n_, -1), alive_(n_, true), element_alive_(n_, false), next_(n_),
          previous_(n_), head_(n_ + 1, -1) {
        for (i32 i = 0; i < n_; ++i) {
            variables_[i].assign(g.neighbour.begin() + g.start[i], g.neighbour.begin() + g.start[i + 1]);
            degree_[i] = static_cast<i32>(variables_[i].size());
            insert(i);
        }
    }

    std::vector<i32> eliminate_all(double most) {
        std::vector<i32> order;
        double spent = 0.0;
        order.reserve(static_cast<size_t>(n_));
        for (i32 step = 0; step < n_; ++step) {
            const i32 p = lowest();
            if (degree_[p] >= n_ - step - 1) return completed(std::move(order), spent, most);
            order.push_back(p);
            eliminate(p, step);
            const double degree = static_cast<double>(members_[p].size());
            spent += degree * degree;
            if (spent > most) return {};
        }
        return order;
    }

  private:
    // What is left all meets: any order of it makes the same factor.
    std::vector<i32> completed(std::vector<i32> order, double spent, double most) const {
        const double left = static_cast<double>(n_) - static_cast<double>(order.size());
        for (i32 v = 0; v < n_; ++v)
            if (alive_[v]) order.push_back(v);
        spent += left * left * left / 3.0;
        return spent > most ? std::vector<i32>{} : order;
    }

    void insert(i32 i) {
        const i32 d = degree_[i];
        next_[i] = head_[d];
        previous_[i] = -1;
        if (head_[d] >= 0) previous_[head_[d]] = i;
        head_[d] = i;
        low_ = std::min(low_, d);
    }

    void remove(i32 i) {
        if (next_[i] >= 0) previous_[next_[i]] = previous_[i];
        if (previous_[i] >= 0)
            next_[previous_[i]] = next_[i];
        else
            head_[degree_[i]] = next_[i];
    }

    i32 lowest() {
        while (head_[low_] < 0) ++low_;
        return head_[low_];
    }

    // The clique that eliminating p makes: its variables and those of its elements.
    void form_element(i32 p, i32 stamp) {
        std::vector<i32>& clique = members_[p];
        const auto take = [&](i32 v) {
            if (alive_[v] && v != p && mark_[v] != stamp) {
                mark_[v] = stamp;
                clique.push_back(v);
            }
        };
        for (i32 v : variables_[p]) take(v);
        for (i32 e : elements_[p]) {
            for (i32 v : members_[e]) take(v);
            element_alive_[e] = false;
            std::vector<i32>().swap(members_[e]);
        }
        std::vector<i32>().swap(variables_[p]);
        std::vector<i32>().swap(elements_[p]);
        element_alive_[p] = true;
    }

    void eliminate(i32 p, i32 stamp) {
        remove(p);
        form_element(p, stamp);
        alive_[p] = false;
        const std::vector<i32>& clique = members_[p];
        // How much of each element lies outside the new clique.
        for (i32 i : clique) {
            std::vector<i32>& own = elements_[i];
            own.erase(std::remove_if(own.begin(), own.end(), [&](i32 e) { return !element_alive_[e]; }),
                      own.end());
            for (i32 e : own) {
                if (seen_[e] != stamp) {
                    seen_[e] = stamp;
                    outside_[e] = static_cast<i32>(std::count_if(
                        members_[e].begin(), members_[e].end(), [&](i32 v) { return alive_[v]; }));
                }
                --outside_[e];
            }
        }
        const i64 size = static_cast<i64>(clique.size());
        for (i32 i : clique) {
            std::vector<i32>& near = variables_[i];
            near.erase(std::remove_if(near.begin(), near.end(),
                                      [&](i32 v) { return !alive_[v] || mark_[v] == stamp; }),
                       near.end());
            i64 bound = size - 1 + static_cast<i64>(near.size());
            std::vector<i32>& own = elements_[i];
            // An element inside the new clique says nothing more: absorb it.
            own.erase(std::remove_if(own.begin(), own.end(), [&](i32 e) { return outside_[e] == 0; }),
                      own.end());
            for (i32 e : own) bound += outside_[e];
            own.push_back(p);
            remove(i);
            const i64 most = static_cast<i64>(degree_[i]) + size - 1;
            degree_[i] = static_cast<i32>(std::min({bound, most, static_cast<i64>(n_ - stamp - 2)}));
            degree_[i] = std::max(degree_[i], 0);
            insert(i);
        }
    }

    i32 n_;
    std::vector<std::vector<i32>> variables_, elements_, members_;
    std::vector<i32> degree_, mark_, outside_, seen_;
    std::vector<bool> alive_, element_alive_;
    std::vector<i32> next_, previous_, head_;
    i32 low_ = 0;
};

}  // namespace

std::vector<i32> minimum_degree(const Graph& graph, double most) {
    return QuotientGraph(graph).eliminate_all(most);
}

}  // namespace nw
