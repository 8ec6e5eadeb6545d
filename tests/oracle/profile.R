# Profile-likelihood intervals of lme4 -> profile.json
# Rscript profile.R         (a minute or two; data in ../../../shared/data)
source("models.R")
SPECS <- list(
  sleepstudy = MODELS$sleepstudy,
  sleepstudy_uncorrelated = MODELS$sleepstudy_uncorrelated,
  sleepstudy_weights = MODELS$sleepstudy_weights,
  dyestuff = MODELS$dyestuff, dyestuff2 = MODELS$dyestuff2,
  penicillin = MODELS$penicillin, pastes = MODELS$pastes,
  cake = list("cake", "angle ~ recipe + temp + (1 | recipe:replicate)"),
  exam = list("Exam", "normexam ~ standLRT + (standLRT | school)"))
one <- function(spec) {
  f <- fit(spec); f$m@call$control <- quote(TIGHT); data <- f$data
  m <- as(f$m, "lmerMod")
  seconds <- system.time(p <- suppressWarnings(profile(m, signames = FALSE)))[["elapsed"]]
  at <- function(level) suppressWarnings(confint(p, level = level))
  c95 <- at(0.95); c90 <- at(0.90)
  ml <- refitML(m)
  list(data = spec[[1]], formula = spec[[2]], weights = spec$weights, term = rownames(c95),
       low = unname(c95[, 1]), high = unname(c95[, 2]),
       low90 = unname(c90[, 1]), high90 = unname(c90[, 2]),
       deviance = unname(-2 * as.numeric(logLik(ml))), seconds = seconds)
}
out <- lapply(SPECS, one)
write_json(out, "profile.json", auto_unbox = TRUE, digits = 10, null = "null", na = "null")
for (n in names(out)) cat(n, out[[n]]$seconds, "\n")
