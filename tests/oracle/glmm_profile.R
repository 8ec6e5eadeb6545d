# Profile intervals of lme4: Rscript glmm_profile.R > glmm_profile.json
suppressMessages({library(lme4); library(jsonlite)})
data(Contraception, package = "mlmRev")
out <- list()
read <- function(m) { ci <- suppressWarnings(confint(m, method = "profile", quiet = TRUE, oldNames = FALSE))
  list(term = rownames(ci), low = unname(ci[, 1]), high = unname(ci[, 2])) }
out$cbpp <- read(glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial))
out$quadrature <- read(glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, nAGQ = 9))
out$slopes <- read(glmer(use ~ age + urban + (urban | district), Contraception, binomial,
  control = glmerControl(optimizer = "bobyqa")))
cat(toJSON(out, digits = NA, auto_unbox = TRUE))
