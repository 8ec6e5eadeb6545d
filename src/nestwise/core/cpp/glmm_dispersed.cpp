// Built-in families with a dispersion parameter.
#include <cmath>
#include <memory>

#include "glmm.hpp"

namespace nw {

namespace {

// Sums over the rows that depend on phi only, made anew when it changes.
struct ByPhi {
    double phi = -1.0, loglik = 0.0, slope = 0.0;
};

double digamma(double x) {
    double out = 0.0;
    for (; x < 12.0; x += 1.0) out -= 1.0 / x;
    const double r = 1.0 / x, s = r * r;
    return out + std::log(x) - 0.5 * r -
           s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s / 132))));
}

// What Stirling's formula leaves of log Gamma(x) and of x (log x - digamma(x)): for large x the
// differences themselves would have lost their digits. Abramowitz & Stegun (1964), 6.1.40, 6.3.18.
constexpr double stirling[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360};
constexpr double large = 20.0, two_pi = 6.283185307179586;

double log_gamma_rest(double x) {
    if (x < large) return std::lgamma(x) - x * std::log(x) + x;
    const double r = 1.0 / x;
    double series = 0.0;
    for (int j = 5; j >= 0; --j) series = series * r * r + stirling[j];
    return 0.5 * std::log(two_pi * r) + series * r;
}

double digamma_rest(double x) {
    if (x < large) return x * (std::log(x) - digamma(x));
    const double r = 1.0 / x;
    double series = 0.0;
    for (int j = 5; j >= 0; --j) series = series * r * r + (2 * j + 1) * stirling[j];
    return 0.5 + series * r;
}

void resize_phi(RowValues& v) {
    for (auto* part : {&v.phi_loglik, &v.phi_d1, &v.phi_weight}) part->resize(v.d1.size());
}

// Sum of w log((y + phi - 1)! / ((phi - 1)! phi^y)), and its derivative by log phi: y is whole.
void rising_sums(const std::vector<double>& at_most, double phi, ByPhi& out) {
    out = {phi, 0.0, 0.0};
    for (size_t k = 0; k < at_most.size(); ++k) {
        const double share = static_cast<double>(k) / phi;
        out.loglik += at_most[k] * std::log1p(share);
        out.slope -= at_most[k] * share / (1.0 + share);
    }
}

}  // namespace

RowFunctions negative_binomial_log(std::vector<double> y, std::vector<double> weights, double constant) {
    RowFunctions out;
    // Weight of the rows whose y exceeds k.
    std::vector<double> beyond;
    for (size_t i = 0; i < y.size(); ++i) {
        if (beyond.size() < static_cast<size_t>(y[i])) beyond.resize(static_cast<size_t>(y[i]), 0.0);
        if (y[i] >= 1.0) beyond[static_cast<size_t>(y[i]) - 1] += weights[i];
    }
    for (size_t k = beyond.size(); k-- > 1;) beyond[k - 1] += beyond[k];
    auto sums = std::make_shared<ByPhi>();
    out.step = [y, weights, constant, beyond, sums](const double* eta, double phi, RowValues& v) {
        if (sums->phi != phi) rising_sums(beyond, phi, *sums);
        double loglik = 0.0;
        for (size_t i = 0; i < y.size(); ++i) {
            const double mu = std::exp(eta[i]), r = 1.0 / (mu + phi), w = weights[i];
            v.d1[i] = w * (y[i] - mu) * phi * r;
            v.observed[i] = w * mu * phi * (y[i] + phi) * r * r;
            v.expected[i] = w * mu * phi * r;
            loglik += w * (y[i] * eta[i] - (y[i] + phi) * std::log1p(mu / phi));
        }
        return loglik + sums->loglik + constant;
    };
    out.slopes = [y, weights, beyond, sums](const double* eta, double phi, bool observed, RowValues& v) {
        if (sums->phi != phi) rising_sums(beyond, phi, *sums);
        resize_phi(v);
        for (size_t i = 0; i < y.size(); ++i) {
            const double mu = std::exp(eta[i]), r = 1.0 / (mu + phi), w = weights[i];
            const double a = y[i] + phi, info = w * mu * phi * r;
            v.slope[i] = observed ? info * a * (phi - mu) * r * r : info * phi * r;
            v.phi_loglik[i] = w * (a * mu * r - phi * std::log1p(mu / phi));
            v.phi_d1[i] = w * (y[i] - mu) * phi * mu * r * r;
            v.phi_weight[i] = observed ? info * r * (a + phi - 2.0 * phi * a * r) : info * mu * r;
        }
        // Only its sum is asked for.
        if (!v.phi_loglik.empty()) v.phi_loglik[0] += sums->slope;
    };
    return out;
}

RowFunctions gamma_log(std::vector<double> y, std::vector<double> weights, double constant) {
    RowFunctions out;
    std::vector<double> log_y(y.size());
    for (size_t i = 0; i < y.size(); ++i) log_y[i] = std::log(y[i]);
    auto sums = std::make_shared<ByPhi>();
    const auto renew = [weights, sums](double phi) {
        if (sums->phi == phi) return;
        *sums = {phi, 0.0, 0.0};
        for (double w : weights) {
            const double k = w / phi;
            sums->loglik -= log_gamma_rest(k);
            sums->slope -= digamma_rest(k);
        }
    };
    out.step = [log_y, weights, constant, sums, renew](const double* eta, double phi, RowValues& v) {
        renew(phi);
        double loglik = 0.0;
        for (size_t i = 0; i < log_y.size(); ++i) {
            const double k = weights[i] / phi, log_ratio = log_y[i] - eta[i], more = std::expm1(log_ratio);
            v.d1[i] = k * more;
            v.observed[i] = k * more + k;
            v.expected[i] = k;
            loglik -= k * (more - log_ratio);
        }
        return loglik + sums->loglik + constant;
    };
    out.slopes = [log_y, weights, sums, renew](const double* eta, double phi, bool observed, RowValues& v) {
        renew(phi);
        resize_phi(v);
        for (size_t i = 0; i < log_y.size(); ++i) {
            const double k = weights[i] / phi, log_ratio = log_y[i] - eta[i], more = std::expm1(log_ratio);
            v.slope[i] = observed ? -k * more - k : 0.0;
            v.phi_loglik[i] = k * (more - log_ratio);
            v.phi_d1[i] = -k * more;
            v.phi_weight[i] = observed ? -k * more - k : -k;
        }
        if (!v.phi_loglik.empty()) v.phi_loglik[0] += sums->slope;
    };
    return out;
}

}  // namespace nw
