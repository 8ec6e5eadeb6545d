# Coefficients of glmer's fit less those without each herd, each location: influence() of lme4.
suppressMessages({library(lme4); library(jsonlite)})
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
one <- function(m, by) {
  i <- influence(m, by, maxfun = 1e5)
  list(levels = rownames(dfbeta(i)), dfbeta = unname(dfbeta(i)))
}
cb <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, control = tight)
ticks <- grouseticks
tk <- glmer(TICKS ~ YEAR + cHEIGHT + (1 | LOCATION), ticks, poisson, control = tight)
out <- list(cbpp = one(cb, "herd"), ticks = one(tk, "LOCATION"))
writeLines(toJSON(out, digits = 8, auto_unbox = TRUE), "glmm_influence.json")
