#include <algorithm>
#include <cstdint>
#include <utility>

#include "graph.hpp"

namespace nw {

namespace {

using i32 = std::int32_t;
using i64 = std::int64_t;

// Quotient graph: variables that are left, and elements (cliques) that eliminations made. Variables
// that cannot be told apart are held as one, whose weight is their number; those that joined another
// are no longer alive.
class QuotientGraph {
  public:
    explicit QuotientGraph(const Graph& g)
        : n_(g.size()), left_(n_), variables_(n_), elements_(n_), members_(n_), joined_(n_),
          degree_(n_), weight_(n_, 1), size_(n_, 0), mark_(n_, -1), outside_(n_, 0), seen_(n_, -1),
          same_(n_, -1), alive_(n_, true), element_alive_(n_, false), next_(n_), previous_(n_),
          head_(n_ + 1, -1), bucket_(n_, -1), chained_(n_, -1), key_(n_, 0) {
        for (i32 i = 0; i < n_; ++i) {
            variables_[i].assign(g.neighbour.begin() + g.start[i], g.neighbour.begin() + g.start[i + 1]);
            degree_[i] = static_cast<i32>(variables_[i].size());
            insert(i);
        }
    }

    Ordering eliminate_all(double most) {
        out_.order.reserve(static_cast<size_t>(n_));
        double spent = 0.0;
        for (i32 step = 0; left_ > 0; ++step) {
            const i32 p = lowest();
            if (degree_[p] >= left_ - weight_[p]) {
                complete();
                break;
            }
            eliminate(p, step);
            const double degree = static_cast<double>(size_[p]), own = static_cast<double>(weight_[p]);
            spent += own * (degree + own) * (degree + own);
            out_.values += own * (degree + 0.5 * own);
            if (spent > most) return {};
        }
        return spent + rest_ > most ? Ordering{} : std::move(out_);
    }

  private:
    // What is left all meets: any order of it makes the same factor.
    void complete() {
        const double left = static_cast<double>(left_);
        for (i32 v = 0; v < n_; ++v)
            if (alive_[v]) write(v);
        rest_ = left * left * left / 3.0;
        out_.values += 0.5 * left * left;
    }

    // A variable and all that joined it, one after the other.
    void write(i32 v) {
        const size_t begin = out_.order.size();
        out_.order.push_back(v);
        for (size_t i = begin; i < out_.order.size(); ++i)
            out_.order.insert(out_.order.end(), joined_[out_.order[i]].begin(), joined_[out_.order[i]].end());
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
                size_[p] += weight_[v];
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

    template <class Gone>
    static void drop(std::vector<i32>& from, Gone gone) {
        from.erase(std::remove_if(from.begin(), from.end(), gone), from.end());
    }

    void eliminate(i32 p, i32 stamp) {
        remove(p);
        form_element(p, stamp);
        alive_[p] = false;
        write(p);
        left_ -= weight_[p];
        std::vector<i32>& clique = members_[p];
        // How much of each element lies outside the new clique. The members of an element that is
        // alive are all left, and what joins another leaves it its weight: sizes never change.
        for (i32 i : clique) {
            drop(elements_[i], [&](i32 e) { return !element_alive_[e]; });
            for (i32 e : elements_[i]) {
                if (seen_[e] != stamp) {
                    seen_[e] = stamp;
                    outside_[e] = size_[e];
                }
                outside_[e] -= weight_[i];
            }
        }
        for (i32 i : clique) renew(i, p, stamp);
        join_alike(clique);
        drop(clique, [&](i32 v) { return !alive_[v]; });
        for (i32 i : clique) insert(i);
    }

    // Lists and degree of a member of the new clique p; it leaves the list of its old degree.
    void renew(i32 i, i32 p, i32 stamp) {
        std::vector<i32> &near = variables_[i], &own = elements_[i];
        drop(near, [&](i32 v) { return !alive_[v] || mark_[v] == stamp; });
        // An element inside the new clique says nothing more: absorb it.
        drop(own, [&](i32 e) { return outside_[e] == 0; });
        const i64 others = size_[p] - weight_[i];
        i64 bound = others;
        for (i32 v : near) bound += weight_[v];
        for (i32 e : own) bound += outside_[e];
        own.push_back(p);
        remove(i);
        const i64 grown = static_cast<i64>(degree_[i]) + others;
        degree_[i] = static_cast<i32>(std::min({bound, grown, left_ - weight_[i]}));
    }

    // Members of a clique with the same lists become one; buckets of keys find the candidates.
    void join_alike(const std::vector<i32>& clique) {
        for (i32 i : clique) {
            std::uint64_t key = variables_[i].size() * 31 + elements_[i].size();
            for (i32 v : variables_[i]) key += scattered(v);
            for (i32 e : elements_[i]) key += scattered(n_ + e);
            key_[i] = key;
            i32& bucket = bucket_[key % static_cast<std::uint64_t>(n_)];
            bool marked = false;
            for (i32 j = bucket; j >= 0 && alive_[i]; j = chained_[j]) {
                if (key_[j] != key) continue;
                if (!marked) mark_lists(i);
                marked = true;
                if (alike(i, j)) join(j, i);
            }
            if (!alive_[i]) continue;
            chained_[i] = bucket;
            bucket = i;
        }
        for (i32 i : clique) bucket_[key_[i] % static_cast<std::uint64_t>(n_)] = -1;
    }

    void mark_lists(i32 i) {
        ++stamp_;  // a node is a variable or an element, never both: one array does for the two
        for (i32 v : variables_[i]) same_[v] = stamp_;
        for (i32 e : elements_[i]) same_[e] = stamp_;
    }

    static std::uint64_t scattered(i64 v) { return static_cast<std::uint64_t>(v + 1) * 0x9e3779b97f4a7c15u; }

    bool alike(i32 i, i32 j) const {
        const auto known = [&](i32 v) { return same_[v] == stamp_; };
        return variables_[i].size() == variables_[j].size() && elements_[i].size() == elements_[j].size() &&
               std::all_of(variables_[j].begin(), variables_[j].end(), known) &&
               std::all_of(elements_[j].begin(), elements_[j].end(), known);
    }

    void join(i32 i, i32 j) {
        degree_[i] -= weight_[j];
        weight_[i] += weight_[j];
        alive_[j] = false;
        joined_[i].push_back(j);
        std::vector<i32>().swap(variables_[j]);
        std::vector<i32>().swap(elements_[j]);
    }

    i32 n_;
    i64 left_;
    std::vector<std::vector<i32>> variables_, elements_, members_, joined_;
    std::vector<i32> degree_;
    std::vector<i64> weight_, size_;
    std::vector<i32> mark_;
    std::vector<i64> outside_;
    std::vector<i32> seen_, same_;
    std::vector<bool> alive_, element_alive_;
    std::vector<i32> next_, previous_, head_, bucket_, chained_;
    std::vector<std::uint64_t> key_;
    i32 low_ = 0, stamp_ = -1;
    double rest_ = 0.0;
    Ordering out_;
};

}  // namespace

Ordering minimum_degree(const Graph& graph, double most) {
    return QuotientGraph(graph).eliminate_all(most);
}

}  // namespace nw
