# Repeated-measures analyses by aov, t.test, mauchly.test and anova.mlm (spherical tests).
# Run in tests/oracle: Rscript rm_anova.R ../../../shared/data
library(jsonlite)
dir <- commandArgs(TRUE)[1]
out <- list()
S <- read.csv(file.path(dir, "sleepstudy.csv")); S$Subject <- factor(S$Subject)
two <- S[S$Days %in% c(0, 9), ]; two <- two[order(two$Days, two$Subject), ]
t <- with(two, t.test(Reaction[Days == 9], Reaction[Days == 0], paired = TRUE, conf.level = .9))
out$paired <- list(statistic = unname(t$statistic), df = unname(t$parameter), p = t$p.value, ci = t$conf.int,
                   estimate = unname(t$estimate))
strata <- function(m) do.call(rbind, lapply(summary(m), function(s) { x <- s[[1]]
  data.frame(term = trimws(rownames(x)), df = x$Df, ss = x$`Sum Sq`, f = x$`F value`, p = x$`Pr(>F)`) }))
out$sleep_aov <- strata(aov(Reaction ~ factor(Days) + Error(Subject), S))
wide <- function(d, y, id, cell) { w <- reshape(d[, c(y, id, cell)], idvar = id, timevar = cell, direction = "wide")
  as.matrix(w[, -1]) }
sph <- function(Y, group = NULL, M = ~1, X = ~0, idata = data.frame(i = factor(seq_len(ncol(Y))))) {
  f <- if (is.null(group)) lm(Y ~ 1) else { contrasts(group) <- contr.sum(nlevels(group)); lm(Y ~ group) }
  a <- anova(f, M = M, X = X, idata = idata, test = "Spherical")
  mt <- mauchly.test(f, M = M, X = X, idata = idata)
  list(gg = attr(a, "heading"), f = a$F, num = a$`num Df`, den = a$`den Df`, p = a$`Pr(>F)`, pgg = a$`G-G Pr`, phf = a$`H-F Pr`,
       w = unname(mt$statistic), wp = mt$p.value)
}
out$sleep_spherical <- sph(wide(S, "Reaction", "Subject", "Days"), M = ~i, X = ~1)
O <- read.csv(file.path(dir, "Orthodont.csv"))
Y <- wide(O, "distance", "Subject", "age"); sex <- factor(O$Sex[!duplicated(O$Subject)])
out$ortho_spherical <- sph(Y, sex, M = ~i, X = ~1)
set.seed(4)
d <- expand.grid(b = c("x", "y", "z"), a = c("p", "q"), id = 1:24); d$g <- c("u", "v", "w")[(d$id - 1) %/% 8 + 1]
n <- function(s, k) rnorm(24 * k, 0, s)
A <- matrix(n(.7, 2), 24); B <- matrix(n(.6, 3), 24); I <- n(1.2, 1)
d$y <- round(5 + .4 * (d$a == "q") + .5 * as.numeric(d$b) * (d$g == "v") + I[d$id] + A[cbind(d$id, as.numeric(d$a))] +
             B[cbind(d$id, as.numeric(d$b))] + rnorm(nrow(d), 0, .8), 3)
d$id <- factor(d$id)
out$split_data <- lapply(d, function(x) if (is.factor(x)) as.character(x) else x)
out$split_aov <- strata(aov(y ~ g * a * b + Error(id / (a * b)), d))
write_json(out, "rm_anova.json", digits = NA, auto_unbox = TRUE, dataframe = "columns")
