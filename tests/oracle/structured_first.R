# Answers of nlme for structured_first.json; run from anywhere: Rscript structured_first.R
suppressMessages({library(nlme); library(jsonlite)})
here <- sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE))
folder <- if (length(here)) dirname(here) else "."
data <- function(name) read.csv(file.path(folder, "../../../shared/data", name))
o <- data("Orthodont.csv"); o$Sex <- factor(o$Sex, c("Female", "Male")); o$v <- (o$age - 6) / 2
ov <- data("Ovary.csv"); bw <- data("BodyWeight.csv"); bw$Diet <- factor(bw$Diet)
tell <- function(m) list(
  loglik = as.numeric(logLik(m)), sigma = m$sigma,
  beta = unname(if (inherits(m, "lme")) fixef(m) else coef(m)),
  se = unname(sqrt(diag(vcov(m)))),
  par = unname(coef(m$modelStruct, unconstrained = FALSE)))
control <- glsControl(tolerance = 1e-10, msTol = 1e-12)
tight <- lmeControl(tolerance = 1e-10, msTol = 1e-12, niterEM = 50)
g <- function(...) tell(gls(..., control = control))
l <- function(...) tell(lme(..., control = tight))
limits <- function(...) {
  found <- intervals(gls(..., control = control))
  lapply(found[c("corStruct", "varStruct", "sigma")], function(x) as.numeric(x))
}
out <- list(
  limits = list(
    ovary = limits(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), ov,
                   correlation = corAR1(form = ~ 1 | Mare)),
    ident = limits(distance ~ age * Sex, o, correlation = corAR1(form = ~ v | Subject),
                   weights = varIdent(form = ~ 1 | Sex)),
    cs = limits(distance ~ age * Sex, o, correlation = corCompSymm(form = ~ 1 | Subject))),
  ar1 = g(distance ~ age * Sex, o, correlation = corAR1(form = ~ v | Subject)),
  cs = g(distance ~ age * Sex, o, correlation = corCompSymm(form = ~ 1 | Subject)),
  us_ml = g(distance ~ age * Sex, o, correlation = corSymm(form = ~ v | Subject),
            weights = varIdent(form = ~ 1 | v), method = "ML"),
  ident = l(distance ~ age * Sex, o, random = ~ age | Subject,
            weights = varIdent(form = ~ 1 | Sex)),
  slope_ar1 = l(distance ~ age, o, random = ~ 1 | Subject,
                correlation = corAR1(form = ~ v | Subject)),
  ovary = g(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), ov,
            correlation = corAR1(form = ~ 1 | Mare)),
  power = l(weight ~ Time * Diet, bw, random = ~ Time | Rat, weights = varPower()),
  power_exp = l(weight ~ Time * Diet, bw, random = ~ Time | Rat, weights = varPower(),
                correlation = corExp(form = ~ Time)))
write_json(out, file.path(folder, "structured_first.json"), digits = 12, auto_unbox = TRUE,
           pretty = TRUE)
