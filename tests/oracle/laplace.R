# What glmer answers: Laplace's approximation, tightened. Run in tests/oracle:
# Rscript laplace.R > laplace.json    (lme4 1.1-31; Contraception.csv is read from ../shared/data)
suppressMessages({library(lme4); library(MASS); library(jsonlite)})
one <- function(formula, data, family, weights = NULL) {
  data$wts <- if (is.null(weights)) rep(1, nrow(data)) else weights
  # glmer's search for the modes stops early by default: the criterion is off by up to 1e-3.
  fit <- function(tolerance, ...) suppressWarnings(glmer(formula, data, family = family,
    weights = wts, control = glmerControl(optimizer = "bobyqa", tolPwrss = tolerance,
    check.conv.singular = "ignore", optCtrl = list(maxfun = 1e5)), ...))
  usual <- fit(1e-7)
  m <- fit(1e-12)
  at <- c(getME(m, "theta"), fixef(m))
  list(usual = -2 * as.numeric(logLik(usual)), theta = unname(getME(m, "theta")),
       deviance = fit(1e-14, devFunOnly = TRUE)(unname(at)),
       beta = unname(fixef(m)), se = unname(sqrt(diag(as.matrix(vcov(m))))), names = names(fixef(m)))
}
data(cbpp, package = "lme4"); data(VerbAgg, package = "lme4"); data(grouseticks, package = "lme4")
cbpp$obs <- factor(seq_len(nrow(cbpp)))
cbpp$prop <- cbpp$incidence / cbpp$size
bacteria$yes <- as.numeric(bacteria$y == "y")
bacteria$late <- as.numeric(bacteria$week > 2)
epil$subject <- factor(epil$subject)
epil$lbase4 <- log(epil$base / 4); epil$lage <- log(epil$age)
budworm <- data.frame(ldose = rep(0:5, 2), dead = c(1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16),
                      sex = rep(c("M", "F"), each = 6))
budworm$obs <- factor(1:12); budworm$prop <- budworm$dead / 20
Contraception <- read.csv("../../../shared/data/Contraception.csv")
Contraception$use1 <- as.numeric(Contraception$use == "Y")
Contraception$district <- factor(Contraception$district)
grouseticks$h <- (grouseticks$HEIGHT - 460) / 100
VerbAgg$yes <- as.numeric(VerbAgg$r2 == "Y")
out <- list(
  cbpp = one(prop ~ period + (1 | herd), cbpp, binomial, cbpp$size),
  cbpp_probit = one(prop ~ period + (1 | herd), cbpp, binomial("probit"), cbpp$size),
  cbpp_cloglog = one(prop ~ period + (1 | herd), cbpp, binomial("cloglog"), cbpp$size),
  cbpp_rows = one(prop ~ period + (1 | herd) + (1 | obs), cbpp, binomial, cbpp$size),
  bacteria = one(yes ~ trt + late + (1 | ID), bacteria, binomial),
  epil = one(y ~ lbase4 * trt + lage + V4 + (1 | subject), epil, poisson),
  budworm = one(prop ~ sex + ldose + (1 | obs), budworm, binomial, rep(20, 12)),
  contraception = one(use1 ~ age + I(age^2) + urban + livch + (1 | district), Contraception, binomial),
  contraception_slope = one(use1 ~ age + I(age^2) + urban + livch + (1 + urban | district), Contraception, binomial),
  grouseticks = one(TICKS ~ YEAR + h + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION), grouseticks, poisson),
  verbagg = one(yes ~ Anger + Gender + btype + situ + (1 | id) + (1 | item), VerbAgg, binomial))
frames <- list(bacteria = bacteria[c("yes", "trt", "late", "ID")], epil = epil[c("y", "lbase4", "trt", "lage", "V4", "subject")], budworm = budworm)
cat(toJSON(list(fits = out, data = frames), digits = NA, auto_unbox = TRUE))
