# Generalised models with structured random effects, by glmmTMB (Laplace, ML).
suppressMessages({library(glmmTMB); library(jsonlite)})
set.seed(11)
n <- 80; T <- 5
d <- expand.grid(time = 1:T, id = 1:n)
e <- t(sapply(1:n, function(i) as.numeric(arima.sim(list(ar = .6), T, sd = .6 * sqrt(1 - .36)))))
d$x <- round(rnorm(nrow(d)), 3)
d$y <- rpois(nrow(d), exp(.8 + .3 * d$x + e[cbind(d$id, d$time)]))
d$t <- factor(d$time); d$id <- factor(d$id)
one <- function(m) {
  v <- VarCorr(m)$cond[[1]]
  list(loglik = as.numeric(logLik(m)), beta = unname(fixef(m)$cond), se = unname(sqrt(diag(vcov(m)$cond))),
       sd = unname(attr(v, "stddev")), cor = unname(attr(v, "correlation")[1, ]))
}
out <- list(data = list(time = d$time, id = as.integer(d$id), x = d$x, y = d$y))
out$ar1 <- one(glmmTMB(y ~ x + ar1(0 + t | id), d, family = poisson))
out$cs <- one(glmmTMB(y ~ x + cs(0 + t | id), d, family = poisson))
g <- transform(d, y = round(rgamma(nrow(d), 4, 4 / exp(.5 + .2 * x + e[cbind(as.integer(id), time)])), 4))
out$gamma_y <- g$y
out$gamma <- c(one(glmmTMB(y ~ x + ar1(0 + t | id), g, family = Gamma("log"))))
write_json(out, "glmm_patterned.json", digits = 12, auto_unbox = TRUE)
