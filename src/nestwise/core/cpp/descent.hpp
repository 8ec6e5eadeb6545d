// The loop of `fit/newton.py`, for any kind of point: same steps, no Python in between.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "trust.hpp"

namespace nw {

// In the order of `STOPPED` in core/optimum.py.
enum class Stopped { tolerance, evaluations, left, noise, degenerate };

template <class Point>
struct Route {
    Point point;
    double decrease = 0.0;  // what the curvature still promises
    int evaluations = 0;
    Stopped stopped = Stopped::degenerate;
    bool last = true;       // whether `point` is what was evaluated last
};

// Minimise from `start` with a trust region on the absolute eigenvalues of the points' Hessians.
// `evaluate(par)` gives a point with par, value (NaN where undefined), gradient, hessian and its
// number of evaluations; `leave(point, count, slow)` ends the route before a step, where `slow` says
// that the last step left more than a tenth of what was promised.
template <class Point, class Evaluate, class Leave>
Route<Point> descend_from(std::vector<double> start, double tolerance, int max_evaluations,
                          Evaluate&& evaluate, Leave&& leave) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double size = 0.0;
    for (double v : start) size += v * v;
    double radius = std::max(1.0, 0.5 * std::sqrt(size)), before = infinity;
    const double parameters = static_cast<double>(start.size());
    Route<Point> route{evaluate(std::move(start)), 0.0, 0, Stopped::degenerate};
    Point& point = route.point;
    route.evaluations = point.evaluations;
    while (std::isfinite(point.value)) {
        const Step newton = trust_step(point.gradient, point.hessian, 1e300);
        route.decrease = newton.predicted;
        const double noise = 4e-15 * parameters * std::max(1.0, std::fabs(point.value));
        route.stopped = Stopped::tolerance;
        if (newton.predicted < tolerance) break;
        route.stopped = Stopped::evaluations;
        if (route.evaluations >= max_evaluations) break;
        route.stopped = Stopped::left;
        if (leave(point, route.evaluations, newton.predicted > 0.1 * before)) break;
        before = newton.predicted;
        const Step step = newton.length > radius ? trust_step(point.gradient, point.hessian, radius) : newton;
        std::vector<double> next(point.par);
        for (size_t i = 0; i < next.size(); ++i) next[i] += step.move[i];
        Point trial = evaluate(std::move(next));
        route.evaluations += trial.evaluations;
        const double gained = std::isfinite(trial.value) ? point.value - trial.value : -infinity;
        const double ratio = gained / step.predicted;
        if (ratio < 0.25)
            radius = 0.25 * step.length;
        else if (ratio > 0.75 && step.length > 0.8 * radius)
            radius *= 3.0;
        const bool small = step.predicted < 50.0 * noise;
        route.last = ratio > 1e-4 || (small && gained > -50.0 * noise);
        if (route.last) point = std::move(trial);
        route.stopped = Stopped::noise;
        if (radius < 1e-10 || (small && ratio < 0.25)) break;
    }
    return route;
}

}  // namespace nw
