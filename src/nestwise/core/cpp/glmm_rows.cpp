// Built-in families, fused: one pass over the rows gives everything that a step needs.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "glmm.hpp"

namespace nw {

namespace {

using i64 = std::int64_t;

// Factors of the form 1 + e, 0 < e <= 1, whose logarithm is taken at once without overflow.
constexpr int product_length = 512;

}  // namespace

RowFunctions binomial_logit(std::vector<double> y, std::vector<double> weights, double constant) {
    RowFunctions out;
    out.canonical = true;
    const bool plain = std::all_of(weights.begin(), weights.end(), [](double w) { return w == 1.0; });
    out.step = [y, weights, constant, plain](const double* eta, double, RowValues& v) {
        const i64 n = static_cast<i64>(y.size());
        double loglik = 0.0;
        for (i64 first = 0; first < n; first += product_length) {
            const i64 last = std::min(n, first + product_length);
            double product = 1.0, sum = 0.0;
            for (i64 i = first; i < last; ++i) {
                const double x = eta[i], w = weights[i];
                const double e = std::exp(-std::fabs(x)), r = 1.0 / (1.0 + e);
                const double mu = x >= 0.0 ? r : e * r, rest = x >= 0.0 ? e * r : r;
                v.d1[i] = w * (y[i] * rest - (1.0 - y[i]) * mu);
                v.observed[i] = w * mu * rest;
                // y x - max(x, 0), with the two tails apart so that nothing cancels.
                sum += w * (x >= 0.0 ? -(1.0 - y[i]) * x : y[i] * x);
                if (plain)
                    product *= 1.0 + e;
                else
                    sum -= w * std::log1p(e);
            }
            loglik += sum - std::log(product);
        }
        return loglik + constant;
    };
    out.slopes = [y, weights](const double*, double, bool, RowValues& v) {
        // 1 - 2 mu, mu being y - d1 / w.
        for (size_t i = 0; i < v.slope.size(); ++i)
            v.slope[i] = v.observed[i] * (1.0 - 2.0 * (y[i] - v.d1[i] / weights[i]));
    };
    return out;
}

RowFunctions poisson_log(std::vector<double> y, std::vector<double> weights, double constant) {
    RowFunctions out;
    out.canonical = true;
    out.step = [y, weights, constant](const double* eta, double, RowValues& v) {
        double loglik = 0.0;
        for (size_t i = 0; i < y.size(); ++i) {
            const double mu = std::exp(eta[i]);
            v.d1[i] = weights[i] * (y[i] - mu);
            v.observed[i] = weights[i] * mu;
            loglik += weights[i] * (y[i] * eta[i] - mu);
        }
        return loglik + constant;
    };
    out.slopes = [](const double*, double, bool, RowValues& v) { v.slope = v.observed; };
    return out;
}

RowFunctions named_family(const std::string& name, std::vector<double> y, std::vector<double> weights,
                          double constant) {
    if (y.size() != weights.size()) throw std::invalid_argument("response and weights differ in length");
    using Make = RowFunctions (*)(std::vector<double>, std::vector<double>, double);
    const std::pair<const char*, Make> known[] = {{"binomial-logit", binomial_logit},
                                                  {"poisson-log", poisson_log},
                                                  {"negative_binomial-log", negative_binomial_log},
                                                  {"gamma-log", gamma_log}};
    for (const auto& [own, make] : known)
        if (name == own) return make(std::move(y), std::move(weights), constant);
    throw std::invalid_argument("no compiled family of this name");
}

}  // namespace nw
