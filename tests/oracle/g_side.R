# Structured covariances of random effects by nlme (pdCompSymm, pdIdent, pdDiag) and glmmTMB.
# Run in tests/oracle: Rscript g_side.R ../../../shared/data
library(nlme); library(glmmTMB); library(jsonlite)
dir <- commandArgs(TRUE)[1]
out <- list()
of_lme <- function(m) list(loglik = as.numeric(logLik(m)), fixef = as.numeric(fixef(m)),
  se = as.numeric(sqrt(diag(vcov(m)))), sigma = m$sigma,
  covariance = unname(as.matrix(getVarCov(m)))[TRUE, TRUE])
tight <- lmeControl(msTol = 1e-12, tolerance = 1e-10, msMaxIter = 500, maxIter = 500)
Machines <- read.csv(file.path(dir, "Machines.csv")); Machines$Worker <- factor(Machines$Worker)
f <- score ~ Machine
out$machines_homcs <- of_lme(lme(f, Machines, list(Worker = pdCompSymm(~ 0 + Machine)), control = tight))
out$machines_homdiag <- of_lme(lme(f, Machines, list(Worker = pdIdent(~ 0 + Machine)), control = tight))
out$machines_diag <- of_lme(lme(f, Machines, list(Worker = pdDiag(~ 0 + Machine)), control = tight))
out$machines_homcs_ml <- of_lme(lme(f, Machines, list(Worker = pdCompSymm(~ 0 + Machine)),
                                    control = tight, method = "ML"))
of_tmb <- function(m) { vc <- VarCorr(m)$cond[[1]]
  list(loglik = as.numeric(logLik(m)), fixef = as.numeric(fixef(m)$cond),
       se = as.numeric(sqrt(diag(vcov(m)$cond))), sigma = sigma(m),
       covariance = unname(matrix(as.numeric(vc), nrow(vc)))) }
c1 <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 3000, rel.tol = 1e-14, x.tol = 1e-12))
tmb <- function(f, d, ...) of_tmb(glmmTMB(f, d, REML = TRUE, control = c1, ...))
out$machines_cs <- tmb(score ~ Machine + cs(0 + Machine | Worker), Machines)
out$machines_ar1 <- tmb(score ~ Machine + ar1(0 + Machine | Worker), Machines)
out$machines_toep <- tmb(score ~ Machine + toep(0 + Machine | Worker), Machines)
set.seed(7)
# two rows for each subject and time, AR(1) over time, and crossed items
d <- expand.grid(time = 1:6, id = 1:40, rep = 1:2); d$item <- (d$id * 7 + d$time * 3 + d$rep) %% 12
b <- t(sapply(1:40, function(i) as.numeric(arima.sim(list(ar = .7), 6, sd = 1))))
u <- rnorm(12, 0, .6)
d$y <- round(2 + .3 * d$time + b[cbind(d$id, d$time)] + u[d$item + 1] + rnorm(nrow(d), 0, .8), 4)
d$f <- factor(d$time)
out$simulated_data <- list(y = d$y, time = d$time, id = d$id, item = d$item)
out$simulated_ar1 <- tmb(y ~ time + ar1(0 + f | id) + (1 | item), d)
out$simulated_cs <- tmb(y ~ time + cs(0 + f | id) + (1 | item), d)
out$simulated_toep <- tmb(y ~ time + toep(0 + f | id) + (1 | item), d)
out$simulated_diag <- tmb(y ~ time + diag(0 + f | id) + (1 | item), d)
write_json(out, "g_side.json", digits = NA, auto_unbox = TRUE)
