#include "workspace.hpp"

#include "tail.hpp"

namespace nw {

Workspace::Workspace(const CrossProducts& cp) {
    const size_t p1 = static_cast<size_t>(cp.p + 1);
    chain.resize(static_cast<size_t>(cp.n_chain));
    for (int i = 0; i < cp.n_chain; ++i) {
        const Factor& f = cp.factors[i];
        ChainWork& w = chain[i];
        const size_t mk = static_cast<size_t>(f.m) * static_cast<size_t>(f.k);
        w.L.resize(mk * static_cast<size_t>(f.k));
        w.tail.resize(cp.rows[i].column.size() * static_cast<size_t>(f.k));
        w.xy.resize(mk * p1);
        w.ancestor.resize(static_cast<size_t>(cp.n_chain));
        w.C_ancestor.resize(static_cast<size_t>(cp.n_chain));
        for (int j = i + 1; j < cp.n_chain; ++j)
            w.ancestor[j].resize(mk * static_cast<size_t>(cp.factors[j].k));
        if (i == 0) continue;
        w.C.resize(w.L.size());
        w.C_tail.resize(w.tail.size());
        w.C_x.resize(mk * static_cast<size_t>(cp.p));
        for (int j = i + 1; j < cp.n_chain; ++j) w.C_ancestor[j].resize(w.ancestor[j].size());
    }
    S.resize(static_cast<size_t>(tail_values(cp)));
    y_row.resize(static_cast<size_t>(cp.tail + cp.p));
    u.resize(static_cast<size_t>(cp.q));
    b.resize(static_cast<size_t>(cp.q));
    v.resize(static_cast<size_t>(cp.q));
    beta.resize(static_cast<size_t>(cp.p));
}

CrossProducts::CrossProducts() = default;
CrossProducts::~CrossProducts() = default;

std::unique_ptr<Workspace> CrossProducts::acquire() const {
    {
        const std::lock_guard<std::mutex> hold(mutex_);
        if (!idle_.empty()) {
            auto w = std::move(idle_.back());
            idle_.pop_back();
            return w;
        }
    }
    return std::make_unique<Workspace>(*this);
}

void CrossProducts::release(std::unique_ptr<Workspace> w) const {
    const std::lock_guard<std::mutex> hold(mutex_);
    idle_.push_back(std::move(w));
}

}  // namespace nw
