# Bootstraps of lme4 and pbkrtest -> resample.json (random: compared within Monte-Carlo error)
# Rscript resample.R        (a few minutes; data in ../../../shared/data)
source("models.R")
suppressMessages(library(pbkrtest))
pars <- function(m) c(unname(as.data.frame(VarCorr(m))$sdcor), unname(fixef(m)))
boot <- function(name, nsim) {
  f <- fit(MODELS[[name]]); data <- f$data; m <- as(f$m, "lmerMod"); m@call$control <- quote(TIGHT)
  seconds <- system.time(b <- suppressMessages(suppressWarnings(
    bootMer(m, pars, nsim = nsim, seed = 1))))[["elapsed"]]
  list(nsim = nsim, mean = colMeans(b$t, na.rm = TRUE), sd = apply(b$t, 2, sd, na.rm = TRUE),
       seconds = seconds)
}
pb <- function(data, large, small, nsim) {
  m1 <- lme4::lmer(as.formula(large), data, REML = FALSE)
  m0 <- lme4::lmer(as.formula(small), data, REML = FALSE)
  seconds <- system.time(r <- suppressMessages(suppressWarnings(
    PBmodcomp(m1, m0, nsim = nsim, seed = 1))))[["elapsed"]]
  t <- summary(r)$test
  list(large = large, small = small, nsim = nsim, statistic = t["LRT", "stat"],
       lrt_p = t["LRT", "p.value"], pb_p = t["PBtest", "p.value"], mean = mean(r$ref),
       seconds = seconds)
}
LARGE <- "distance ~ age + Sex + (age | Subject)"
out <- list(
  boot = list(sleepstudy = boot("sleepstudy", 1000), dyestuff = boot("dyestuff", 1000)),
  orthodont = pb(rd("Orthodont"), LARGE, "distance ~ age + (age | Subject)", 1000))
write_json(out, "resample.json", auto_unbox = TRUE, digits = 10)
str(out)
# seconds of one refit to new data, for the speed table only
f <- fit(MODELS$exam); data <- f$data; m <- as(f$m, "lmerMod"); m <- lme4::lmer(formula(m), data)
y <- simulate(m, 20, seed = 1)
cat("exam refit", system.time(for (i in 1:20) suppressMessages(suppressWarnings(refit(m, y[[i]]))))[["elapsed"]] / 20, "\n")
