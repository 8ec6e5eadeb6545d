// What all bindings share: array types, factors in the caller's order.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "gradient.hpp"
#include "information.hpp"

namespace nwpy {

namespace nb = nanobind;

using nw::CrossProducts;
using nw::Entry;
using nw::Faces;
using nw::Lambdas;
using nw::Workspace;
using i64 = std::int64_t;

using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Codes = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using RowMajor = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::f_contig, nb::device::cpu>;
using Columns = std::vector<std::optional<Vector>>;

// Hand a C++ vector to NumPy without a copy.
inline nb::object array(std::vector<double>&& values, std::vector<size_t> shape) {
    auto* owned = new std::vector<double>(std::move(values));
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<double>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, double>(owned->data(), shape.size(), shape.data(), owner));
}

inline nb::object array(std::vector<double>&& values) {
    const size_t size = values.size();
    return array(std::move(values), {size});
}

// The grouping factors of the rows, in the caller's order.
inline std::vector<nw::FactorRows> factor_rows(const std::vector<Codes>& codes, const std::vector<int>& n_levels,
                                               const std::vector<Columns>& columns,
                                               const std::vector<Vector>& scales) {
    std::vector<nw::FactorRows> out;
    for (size_t f = 0; f < codes.size(); ++f) {
        nw::FactorRows factor{codes[f].data(), n_levels[f], {}, {}};
        for (size_t j = 0; j < columns[f].size(); ++j) {
            factor.columns.push_back(columns[f][j] ? columns[f][j]->data() : nullptr);
            factor.inverse_scale.push_back(1.0 / scales[f].data()[j]);
        }
        out.push_back(std::move(factor));
    }
    return out;
}

// Borrows a workspace for the length of one call.
class Borrowed {
  public:
    explicit Borrowed(const CrossProducts& cp) : cp_(cp), w_(cp.acquire()) {}
    ~Borrowed() { cp_.release(std::move(w_)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Workspace& operator*() { return *w_; }
    Workspace* operator->() { return w_.get(); }

  private:
    const CrossProducts& cp_;
    std::unique_ptr<Workspace> w_;
};

// Positions of the caller's factors in elimination order, and where their blocks begin.
inline std::vector<size_t> positions(const CrossProducts& cp) {
    std::vector<size_t> at(cp.factors.size());
    for (size_t f = 0; f < cp.factors.size(); ++f) at[static_cast<size_t>(cp.factors[f].input)] = f;
    return at;
}

inline Lambdas unpack(const CrossProducts& cp, const Vector& flat) {
    Lambdas out(cp.factors.size());
    size_t at = 0;
    for (size_t f : positions(cp)) {
        const size_t kk = static_cast<size_t>(cp.factors[f].k * cp.factors[f].k);
        if (at + kk > flat.shape(0)) throw nb::value_error("lambdas is shorter than the factors need");
        out[f].assign(flat.data() + at, flat.data() + at + kk);
        at += kk;
    }
    return out;
}

inline std::vector<Entry> unpack(const CrossProducts& cp, const Table& table) {
    const auto at = positions(cp);
    std::vector<Entry> out;
    for (size_t i = 0; i < table.shape(0); ++i) {
        const std::int32_t* row = table.data() + 3 * i;
        if (row[0] < 0 || static_cast<size_t>(row[0]) >= at.size())
            throw nb::value_error("an entry names a factor that does not exist");
        const size_t f = at[static_cast<size_t>(row[0])];
        if (row[1] < 0 || row[2] < 0 || row[1] >= cp.factors[f].k || row[2] >= cp.factors[f].k)
            throw nb::value_error("an entry is outside the Lambda of its factor");
        out.push_back({static_cast<int>(f), row[1], row[2]});
    }
    return out;
}

// Factor blocks of a Faces member in the caller's order, one after the other.
inline std::vector<double> concatenate(const CrossProducts& cp, const std::vector<std::vector<double>>& blocks) {
    std::vector<double> out;
    for (size_t f : positions(cp))
        if (f < blocks.size()) out.insert(out.end(), blocks[f].begin(), blocks[f].end());
    return out;
}

inline std::vector<double> pick(const CrossProducts& cp, const std::vector<Entry>& entries,
                         const std::vector<std::vector<double>>& blocks, double times) {
    std::vector<double> out;
    for (const Entry& e : entries)
        out.push_back(times * blocks[static_cast<size_t>(e.factor)]
                                    [static_cast<size_t>(e.row * cp.factors[e.factor].k + e.column)]);
    return out;
}

// Bindings of the generalised linear mixed model.
void bind_glmm(nb::module_& m);

// Bindings of its starting values.
void bind_glmm_begin(nb::module_& m);

// Bindings of the quadrature.
void bind_quadrature(nb::module_& m);

// Bindings of the quadrature of one random intercept.
void bind_intercept(nb::module_& m);

// Bindings of residuals that depend on the one before them only, and of least squares.
void bind_chain(nb::module_& m);

// Bindings of models with structured residuals.
void bind_structured(nb::module_& m);

// Bindings of sparse factors of matrices that Python fills.
void bind_sparse(nb::module_& m);

}  // namespace nwpy
